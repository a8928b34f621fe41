#include "client/output/cache_view.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const WallTime kNow = FromUnixMillis(1'793'000'000'000);
const std::string kCommit(40, 'c');

// What `print` writes to stdout in `format`.
template <typename Print>
std::string DataOf(OutputFormat format, Print print) {
  TestOutput test({.format = format});
  print(test.output);
  EXPECT_TRUE(test.output.Finish().ok());
  return test.data.text;
}

v1::ListReposResponse Cache() {
  v1::ListReposResponse response;
  response.set_total_bytes(5'000);
  response.set_cache_path("/cache/hub");
  v1::CachedRepo& repo = *response.add_repos();
  repo.mutable_repo()->set_type(v1::REPO_TYPE_DATASET);
  repo.mutable_repo()->set_id("acme/notes");
  repo.set_size_bytes(5'000);
  repo.set_file_count(7);
  repo.set_path("/cache/hub/datasets--acme--notes");
  repo.mutable_last_access()->set_seconds(1'792'999'000);
  v1::CachedRevision& revision = *repo.add_revisions();
  revision.set_commit(kCommit);
  revision.add_refs("main");
  v1::CachedSelection& selection = *repo.add_selections();
  selection.set_commit(kCommit);
  selection.set_label("default");
  selection.set_size_bytes(5'000);
  selection.set_file_count(7);
  v1::FileVerdict& unsafe = *repo.add_unsafe();
  unsafe.set_path("model.bin");
  unsafe.set_verdict("unsafe");
  unsafe.set_format("pickle");
  unsafe.set_pickle("clean");
  unsafe.set_code("pickle-clean");
  unsafe.set_reason("a pickle");
  return response;
}

std::string CacheIn(OutputFormat format, const v1::ListReposResponse& cache,
                    CacheRows rows = CacheRows::kRepos) {
  return DataOf(format, [&](Output& output) { PrintCache(output, cache, rows, kNow); });
}

TEST(CacheViewTest, DocumentIsTheContract) {
  EXPECT_EQ(json::parse(CacheIn(OutputFormat::kJson, Cache())),
            json::parse(R"({"repos":[{"repo":"acme/notes","type":"dataset","size_bytes":5000,"files":7,
    "pinned":false,"last_access":"2026-10-26T07:16:40.000Z","last_modified":null,
    "path":"/cache/hub/datasets--acme--notes","selections":[{"commit":")" +
                        kCommit + R"(","refs":["main"],"label":"default","size_bytes":5000,"files":7,
    "last_access":null,"last_modified":null,"pinned":false,"pin_reason":null,"in_use":false}],
    "protected_by":[],"unsafe":[{"path":"model.bin","verdict":"unsafe","format":"pickle","pickle":"clean",
    "code":"pickle-clean","reason":"a pickle"}]}],"total_bytes":5000})"));
}

TEST(CacheViewTest, PeopleGetATableAndScriptsArgumentsForPull) {
  EXPECT_THAT(CacheIn(OutputFormat::kHuman, Cache()), HasSubstr("dataset  acme/notes  5 kB      7"));
  EXPECT_EQ(CacheIn(OutputFormat::kQuiet, Cache()), "dataset acme/notes\n");
  EXPECT_EQ(CacheIn(OutputFormat::kQuiet, Cache(), CacheRows::kSelections),
            "dataset acme/notes " + kCommit + " default\n");
}

TEST(CacheViewTest, WhatIsProtectedSaysByWhat) {
  v1::ListReposResponse cache = Cache();
  v1::CachedRepo& repo = *cache.mutable_repos(0);
  repo.set_pinned(true);
  EXPECT_THAT(CacheIn(OutputFormat::kHuman, cache), HasSubstr("  pinned\n"));

  repo.mutable_selections(0)->set_pinned(true);
  repo.mutable_selections(0)->set_pin_reason("demo");
  repo.mutable_selections(0)->set_leases(1);
  repo.add_protected_by()->set_id("acme/lora");
  EXPECT_THAT(CacheIn(OutputFormat::kHuman, cache),
              HasSubstr("  pinned: demo; needed by acme/lora; in use\n"));
  const json document = json::parse(CacheIn(OutputFormat::kJson, cache))["repos"][0];
  EXPECT_EQ(document["protected_by"], json({"acme/lora"}));
  EXPECT_EQ(document["pinned"], true);
  EXPECT_EQ(document["selections"][0]["pin_reason"], "demo");
  EXPECT_EQ(document["selections"][0]["in_use"], true);
}

v1::EvictionLine Line(std::string id, bool goes) {
  v1::EvictionLine line;
  line.mutable_repo()->set_type(v1::REPO_TYPE_MODEL);
  line.mutable_repo()->set_id(std::move(id));
  line.set_commit(kCommit);
  line.set_label("Q4_K_M");
  line.set_size_bytes(3'000);
  line.set_freed_bytes(goes ? 2'000 : 0);
  line.set_goes(goes);
  line.set_why(goes ? "asked for" : "pinned: \x1b[31mdemo");
  return line;
}

TEST(RemovalViewTest, DocumentIsTheContract) {
  Removal removal;
  *removal.lines.Add() = Line("acme/otter", true);
  removal.freed_bytes = 2'000;
  const auto text = [&] {
    return DataOf(OutputFormat::kJson, [&](Output& output) { PrintRemoval(output, removal, kNow); });
  };
  const std::string selections = R"({"selections":[{"repo":"acme/otter","type":"model","commit":")" +
                                 kCommit +
                                 R"(","refs":[],"label":"Q4_K_M","size_bytes":3000,"freed_bytes":2000,
    "last_access":null,"goes":true,"why":"asked for"}],"freed_bytes":2000,)";

  EXPECT_EQ(json::parse(text()), json::parse(selections + R"("dry_run":false})"));
  removal.loose_files = 3;
  removal.is_dry_run = true;
  EXPECT_EQ(json::parse(text()), json::parse(selections + R"("loose_files":3,"dry_run":true})"));
}

TEST(RemovalViewTest, PeopleSeeWhatWentWhatStaysAndWhy) {
  Removal removal;
  *removal.lines.Add() = Line("acme/otter", true);
  *removal.lines.Add() = Line("acme/zebra", false);
  removal.freed_bytes = 2'000;
  removal.loose_files = 1;
  const auto run = [&](OutputFormat format) {
    TestOutput test({.format = format});
    PrintRemoval(test.output, removal, kNow);
    EXPECT_TRUE(test.output.Finish().ok());
    return test.data.text + test.talk.text;
  };

  const std::string text = run(OutputFormat::kHuman);
  EXPECT_THAT(
      text,
      HasSubstr("gone   model  acme/otter  cccccccccccc  Q4_K_M     3 kB   2 kB      never  asked for\n"));
  EXPECT_THAT(text, HasSubstr("stays  model  acme/zebra"));
  EXPECT_THAT(text, HasSubstr("removed 1 selection and 1 loose file: 2 kB freed"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  removal.is_dry_run = true;
  EXPECT_THAT(run(OutputFormat::kHuman), HasSubstr("would go  model"));
  EXPECT_THAT(run(OutputFormat::kHuman), HasSubstr("and free 2 kB; nothing was removed"));
  EXPECT_EQ(run(OutputFormat::kQuiet), "model acme/otter " + kCommit + " Q4_K_M\n") << "what goes, only";
}

TEST(EvictionOrderViewTest, ShowsEveryLineInItsOrder) {
  v1::ExplainEvictionResponse order;
  *order.add_lines() = Line("acme/zebra", true);
  *order.add_lines() = Line("acme/otter", false);
  const auto in = [&](OutputFormat format) {
    return DataOf(format, [&](Output& output) { PrintEvictionOrder(output, order, kNow); });
  };

  const json document = json::parse(in(OutputFormat::kJson));
  ASSERT_EQ(document["selections"].size(), 2u);
  EXPECT_EQ(document["selections"][0]["repo"], "acme/zebra");
  EXPECT_EQ(document["selections"][1]["goes"], false);
  EXPECT_THAT(in(OutputFormat::kHuman), HasSubstr("may go  model  acme/zebra"));
  EXPECT_EQ(in(OutputFormat::kQuiet), "model acme/zebra " + kCommit + " Q4_K_M\n");
}

TEST(UsageViewTest, TellsTotalSharedAndReclaimable) {
  v1::GetUsageResponse usage;
  usage.set_used_bytes(60'000);
  usage.set_shared_bytes(10'000);
  usage.set_reclaimable_bytes(50'000);
  usage.set_loose_bytes(5);
  usage.set_free_bytes(900'000);
  usage.set_disk_bytes(1'000'000);
  usage.set_cache_path("/cache/hub");
  const auto in = [&](OutputFormat format) {
    return DataOf(format, [&](Output& output) { PrintUsage(output, usage); });
  };

  EXPECT_EQ(
      json::parse(in(OutputFormat::kJson)),
      json::parse(R"({"total_bytes":60000,"shared_bytes":10000,"reclaimable_bytes":50000,"loose_bytes":5,
    "free_bytes":900000,"disk_bytes":1000000,"max_bytes":null,"min_free_bytes":0,"cache_path":"/cache/hub"})"));
  EXPECT_EQ(in(OutputFormat::kQuiet), "60000\n");
  EXPECT_THAT(in(OutputFormat::kHuman), HasSubstr("total         60 kB  no quota\n"));
  usage.set_max_bytes(80'000);
  usage.set_min_free_bytes(100'000);
  EXPECT_THAT(in(OutputFormat::kHuman), HasSubstr("total         60 kB  of 80 kB (75 %)\n"));
  EXPECT_THAT(in(OutputFormat::kHuman),
              HasSubstr("free         900 kB  of 1 MB on the disk, 100 kB of it stay free\n"));
  EXPECT_EQ(json::parse(in(OutputFormat::kJson))["max_bytes"], 80'000);
}

TEST(SurveyViewTest, CountsWhatWasFound) {
  v1::RescanResponse survey;
  survey.set_repos(1);
  survey.set_snapshots(2);
  survey.set_selections(3);
  survey.set_files(40);
  survey.set_size_bytes(5'000);
  const auto in = [&](OutputFormat format) {
    return DataOf(format, [&](Output& output) { PrintSurvey(output, survey); });
  };

  EXPECT_EQ(in(OutputFormat::kHuman), "1 repo, 2 snapshots, 3 selections, 40 files, 5 kB\n");
  EXPECT_EQ(json::parse(in(OutputFormat::kJson)),
            json::parse(R"({"repos":1,"snapshots":2,"selections":3,"files":40,
    "total_bytes":5000,"warnings":[]})"));
}

}  // namespace
}  // namespace batuta::client
