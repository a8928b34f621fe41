#include "daemon/hub/hub_urls.h"

#include <gmock/gmock.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using ::testing::HasSubstr;

const HubUrls kUrls("https://hub.test/");
const CommitId kCommit = *CommitId::Parse(std::string(40, 'a'));

RepoId Repo(RepoType type, std::string_view id) {
  return *RepoId::Parse(type, id);
}

TEST(HubUrlsTest, EncodesARevisionWithItsSlashes) {
  EXPECT_EQ(kUrls.Info(Repo(RepoType::kModel, "a/b"), *Revision::Parse("refs/pr/1")),
            "https://hub.test/api/models/a/b/revision/refs%2Fpr%2F1?securityStatus=true");
  EXPECT_EQ(kUrls.BriefInfo(Repo(RepoType::kModel, "gpt2"), Revision::Main()),
            "https://hub.test/api/models/gpt2/revision/main?expand=sha&expand=tags");
  EXPECT_EQ(kUrls.BriefInfo(Repo(RepoType::kDataset, "squad"), Revision::Main()),
            "https://hub.test/api/datasets/squad/revision/main?expand=sha");
  EXPECT_EQ(kUrls.Info(Repo(RepoType::kModel, "a/b"), *Revision::Parse("v1.0+x")),
            "https://hub.test/api/models/a/b/revision/v1.0%2Bx?securityStatus=true");
}

TEST(HubUrlsTest, AsksForTheScannersOpinionWhereTheHubHasIt) {
  EXPECT_EQ(kUrls.PlainInfo(Repo(RepoType::kModel, "a/b"), Revision::Main()),
            "https://hub.test/api/models/a/b/revision/main");
  EXPECT_EQ(kUrls.Info(Repo(RepoType::kDataset, "a/b"), Revision::Main()),
            "https://hub.test/api/datasets/a/b/revision/main");
  EXPECT_EQ(kUrls.PathsInfo(Repo(RepoType::kSpace, "a/b"), kCommit),
            "https://hub.test/api/spaces/a/b/paths-info/" + kCommit.hex());
}

TEST(HubUrlsTest, KeepsTheSlashesOfAPath) {
  const RepoPath path = *RepoPath::Parse("dir one/50%#?+é.bin");
  const std::string tail = std::string(40, 'a') + "/dir%20one/50%25%23%3F%2B%C3%A9.bin";
  EXPECT_EQ(kUrls.File(Repo(RepoType::kModel, "a/b"), kCommit, path), "https://hub.test/a/b/resolve/" + tail);
  EXPECT_EQ(kUrls.File(Repo(RepoType::kDataset, "a/b"), kCommit, path),
            "https://hub.test/datasets/a/b/resolve/" + tail);
  EXPECT_EQ(kUrls.File(Repo(RepoType::kSpace, "a/b"), kCommit, path),
            "https://hub.test/spaces/a/b/resolve/" + tail);
}

TEST(HubUrlsTest, SpellsTheOtherAddresses) {
  EXPECT_EQ(kUrls.endpoint(), "https://hub.test");
  EXPECT_EQ(kUrls.Tree(Repo(RepoType::kDataset, "a/b"), kCommit),
            "https://hub.test/api/datasets/a/b/tree/" + kCommit.hex() + "?recursive=true");
  EXPECT_EQ(kUrls.WhoAmI(), "https://hub.test/api/whoami-v2");
  EXPECT_EQ(kUrls.Page(Repo(RepoType::kDataset, "a/b")), "https://hub.test/datasets/a/b");
  EXPECT_EQ(HubUrls("http://127.0.0.1:8080/hf//").WhoAmI(), "http://127.0.0.1:8080/hf/api/whoami-v2");
}

TEST(HubUrlsTest, SpellsASearch) {
  const SearchQuery models{.type = RepoType::kModel,
                           .text = "otter & co",
                           .author = "acme",
                           .tags = {"gguf", "license:mit"},
                           .task = "text-generation",
                           .library = "peft",
                           .sort = "trending",
                           .limit = 7};
  EXPECT_THAT(
      kUrls.Search(models, false),
      IsOkAndHolds(
          "https://hub.test/api/models?search=otter%20%26%20co&author=acme&filter=gguf&"
          "filter=license%3Amit&filter=peft&pipeline_tag=text-generation&sort=trendingScore&limit=7"));
  SearchQuery datasets{.type = RepoType::kDataset};
  datasets.task = "qa";
  datasets.limit = 5'000;
  EXPECT_THAT(kUrls.Search(datasets, false),
              IsOkAndHolds("https://hub.test/api/datasets?filter=task_categories%3Aqa&limit=500"));
  EXPECT_THAT(kUrls.Search(datasets, true), IsOkAndHolds(HasSubstr("&expand=downloads")));
}

TEST(HubUrlsTest, NamesTheSortOrdersThereAre) {
  SearchQuery query;
  for (const std::string order :
       {"downloads", "likes", "trending", "created", "modified", "createdAt", "lastModified"}) {
    query.sort = order;
    EXPECT_THAT(kUrls.Search(query, false), IsOk()) << order;
  }
  query.sort = "size";
  const auto url = kUrls.Search(query, false);
  EXPECT_THAT(url, HasReason("INVALID_ARGUMENT"));
  EXPECT_THAT(HintOf(url.status()), HasSubstr("trending"));
}

}  // namespace
}  // namespace batuta::hub
