#include "client/commands/cache_query.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WallTime kNow = FromUnixMillis(1'793'000'000'000);
constexpr int64_t kDay = 86'400;

// Used and changed so many days ago; a negative number: never.
v1::CachedRepo Repo(std::string id, v1::RepoType type, uint64_t bytes, int64_t accessed, int64_t modified,
                    const std::string& ref) {
  v1::CachedRepo repo;
  repo.mutable_repo()->set_id(std::move(id));
  repo.mutable_repo()->set_type(type);
  repo.set_size_bytes(bytes);
  if (accessed >= 0) repo.mutable_last_access()->set_seconds(1'793'000'000 - accessed * kDay);
  if (modified >= 0) repo.mutable_last_modified()->set_seconds(1'793'000'000 - modified * kDay);
  v1::CachedRevision& revision = *repo.add_revisions();
  revision.set_commit(std::string(40, 'a'));
  if (!ref.empty()) revision.add_refs(ref);
  return repo;
}

v1::ListReposResponse Cache() {
  v1::ListReposResponse cache;
  cache.set_total_bytes(1'000'000);
  *cache.add_repos() = Repo("acme/otter", v1::REPO_TYPE_MODEL, 5'000, 40, 50, "main");
  *cache.add_repos() = Repo("acme/Zebra", v1::REPO_TYPE_MODEL, 900, 1, 60, "v1.0");
  *cache.add_repos() = Repo("acme/notes", v1::REPO_TYPE_DATASET, 5'000, -1, 2, "");
  return cache;
}

std::vector<std::string> Ids(const v1::ListReposResponse& cache) {
  std::vector<std::string> ids;
  for (const v1::CachedRepo& repo : cache.repos()) ids.push_back(repo.repo().id());
  return ids;
}

std::vector<std::string> Listed(const std::vector<std::string>& filters, std::string_view sort = "",
                                uint32_t limit = 0) {
  const absl::StatusOr<CacheQuery> query = CacheQuery::Parse(filters, sort, limit);
  EXPECT_THAT(query, IsOk());
  return query.ok() ? Ids(query->Apply(Cache(), CacheRows::kRepos, kNow)) : std::vector<std::string>();
}

TEST(CacheQueryTest, FiltersAsHfDoes) {
  const struct {
    std::vector<std::string> filters;
    std::vector<std::string> ids;
  } rows[] = {
      {{}, {"acme/otter", "acme/Zebra", "acme/notes"}},
      {{"size>1k"}, {"acme/otter", "acme/notes"}},
      {{"size>=5kB"}, {"acme/otter", "acme/notes"}},
      {{"size>5KB"}, {}},
      {{"size<=900"}, {"acme/Zebra"}},
      {{"size<900"}, {}},
      {{"size=900B"}, {"acme/Zebra"}},
      {{"size!=900"}, {"acme/otter", "acme/notes"}},
      {{" SIZE > 0.005 MB "}, {}},
      {{"accessed>30d"}, {"acme/otter"}},
      {{"accessed<1w"}, {"acme/Zebra"}},
      {{"modified>1mo"}, {"acme/otter", "acme/Zebra"}},
      {{"modified<=48h"}, {"acme/notes"}},
      {{"modified<1y"}, {"acme/otter", "acme/Zebra", "acme/notes"}},
      {{"type=model"}, {"acme/otter", "acme/Zebra"}},
      {{"type=Datasets"}, {"acme/notes"}},
      {{"type!=model"}, {"acme/notes"}},
      {{"refs=MAIN"}, {"acme/otter"}},
      {{"refs!=main"}, {"acme/Zebra", "acme/notes"}},
      {{"type=model", "size>1k"}, {"acme/otter"}},
  };

  for (const auto& row : rows) {
    EXPECT_EQ(Listed(row.filters), row.ids) << (row.filters.empty() ? "" : row.filters.front());
  }
}

TEST(CacheQueryTest, SortsLargestAndNewestFirstAndNamesFromAToZ) {
  EXPECT_THAT(Listed({}, "size"), ElementsAre("acme/otter", "acme/notes", "acme/Zebra"));
  EXPECT_THAT(Listed({}, "size:asc"), ElementsAre("acme/Zebra", "acme/otter", "acme/notes"));
  EXPECT_THAT(Listed({}, "size:desc"), ElementsAre("acme/otter", "acme/notes", "acme/Zebra"));
  EXPECT_THAT(Listed({}, "accessed"), ElementsAre("acme/Zebra", "acme/otter", "acme/notes"));
  EXPECT_THAT(Listed({}, "accessed:asc"), ElementsAre("acme/notes", "acme/otter", "acme/Zebra"));
  EXPECT_THAT(Listed({}, "modified"), ElementsAre("acme/notes", "acme/otter", "acme/Zebra"));
  EXPECT_THAT(Listed({}, "NAME"), ElementsAre("acme/notes", "acme/otter", "acme/Zebra"));
  EXPECT_THAT(Listed({}, "name:desc"), ElementsAre("acme/Zebra", "acme/otter", "acme/notes"));
}

TEST(CacheQueryTest, LimitsAfterSorting) {
  EXPECT_THAT(Listed({}, "accessed", 1), ElementsAre("acme/Zebra"));
  EXPECT_THAT(Listed({"type=model"}, "size:asc", 1), ElementsAre("acme/Zebra"));
  EXPECT_EQ(Listed({}, "", 10).size(), 3u);
}

TEST(CacheQueryTest, TheTotalIsThatOfTheDiskOrOfThePartThatIsListed) {
  EXPECT_EQ(CacheQuery::Parse({"size>0"}, "", 9)->Apply(Cache(), CacheRows::kRepos, kNow).total_bytes(),
            1'000'000u);
  EXPECT_EQ(CacheQuery::Parse({"type=model"}, "", 0)->Apply(Cache(), CacheRows::kRepos, kNow).total_bytes(),
            5'900u);
}

TEST(CacheQueryTest, BadExpressionsNameWhatIsPossible) {
  for (const char* filter :
       {"", "size", "size>", ">1GB", "size==1", "size=>1", "size<>1", "=", "colour=red", "sise>1GB",
        "type>model", "type=gadget", "refs<main", "size>big", "accessed>soon", "accessed>-1d"}) {
    const absl::Status status = CacheQuery::Parse({filter}, "", 0).status();
    EXPECT_THAT(status, HasReason("INVALID_ARGUMENT")) << filter;
    EXPECT_THAT(std::string(status.message()), HasSubstr("--filter")) << filter;
  }
  for (const char* sort : {"age", "size:", "size:up", ":asc", "size:asc:desc", "size desc"}) {
    const absl::Status status = CacheQuery::Parse({}, sort, 0).status();
    EXPECT_THAT(status, HasReason("INVALID_ARGUMENT")) << sort;
    EXPECT_THAT(std::string(HintOf(status)), HasSubstr("accessed, modified, name or size")) << sort;
  }
}

TEST(CacheQueryTest, ASelectionIsARowWithItsOwnNumbers) {
  v1::ListReposResponse cache;
  v1::CachedRepo& repo = *cache.add_repos();
  repo = Repo("acme/gguf", v1::REPO_TYPE_MODEL, 3'000, 1, 1, "main");
  repo.set_pinned(true);
  const auto add = [&](std::string label, uint64_t bytes, int64_t days, bool is_pinned) {
    v1::CachedSelection& selection = *repo.add_selections();
    selection.set_commit(std::string(40, 'a'));
    selection.set_label(std::move(label));
    selection.set_size_bytes(bytes);
    selection.set_pinned(is_pinned);
    selection.mutable_last_access()->set_seconds(1'793'000'000 - days * kDay);
  };
  add("Q8_0", 2'000, 1, true);
  add("Q4_K_M", 1'000, 90, false);

  const v1::ListReposResponse rows =
      CacheQuery::Parse({"accessed>30d"}, "", 0)->Apply(cache, CacheRows::kSelections, kNow);

  ASSERT_EQ(rows.repos_size(), 1);
  ASSERT_EQ(rows.repos(0).selections_size(), 1);
  EXPECT_EQ(rows.repos(0).selections(0).label(), "Q4_K_M");
  EXPECT_EQ(rows.repos(0).size_bytes(), 1'000u);
  EXPECT_EQ(rows.repos(0).revisions(0).refs(0), "main");
  EXPECT_FALSE(rows.repos(0).pinned());
  EXPECT_EQ(rows.total_bytes(), 1'000u);
  EXPECT_THAT(Ids(CacheQuery::Parse({"accessed>30d"}, "", 0)->Apply(cache, CacheRows::kRepos, kNow)),
              IsEmpty());
}

}  // namespace
}  // namespace batuta::client
