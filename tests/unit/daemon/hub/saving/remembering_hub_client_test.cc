// The hub client over an asker that saves: what each question costs.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "daemon/hub/exchange.h"
#include "daemon/hub/hub_client.h"
#include "daemon/hub/saving_asker.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::hub {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using transport::HttpHeader;

const std::string kHost = "https://hub.test";
const std::string kCommitHex(40, 'a');
const std::string kPlainInfo = kHost + "/api/models/acme/otter/revision/main";
const std::string kInfo = kPlainInfo + "?securityStatus=true";
const std::string kSha = kPlainInfo + "?expand=sha&expand=tags";
const std::string kTree = kHost + "/api/models/acme/otter/tree/" + kCommitHex + "?recursive=true";

std::string PageOf(std::string_view path) {
  return fmt::format(R"([{{"type":"file","oid":"{}","size":1,"path":"{}"}}])", std::string(40, 'c'), path);
}

std::string PageUrl(int number) {
  return fmt::format("{}/tree?cursor={}", kHost, number);
}

HttpHeader NextIs(int number) {
  return {"Link", fmt::format("<{}>; rel=\"next\"", PageUrl(number))};
}

class RememberingHubClientTest : public testing::Test {
 protected:
  // One answer of any kind: its status, and since when it was remembered.
  struct Outcome {
    absl::Status status = absl::UnknownError("never called back");
    std::optional<WallTime> as_of;
    std::vector<std::string> paths;
  };

  template <typename Question>
  Outcome Run(Access access, Question put) {
    auto outcome = std::make_shared<Outcome>();
    access.on_remembered = [outcome](WallTime at) {
      EXPECT_EQ(outcome->status.code(), absl::StatusCode::kUnknown) << "after the callback, or twice";
      EXPECT_FALSE(outcome->as_of.has_value());
      outcome->as_of = at;
    };
    put(access, outcome);
    runner_.RunUntilIdle();
    return *outcome;
  }

  Outcome GetRepo(const Access& own = {}) {
    return Run(own, [&](const Access& access, auto outcome) {
      client_->GetRepo(repo_, Revision::Main(), access,
                       [outcome](auto info) { outcome->status = info.status(); });
    });
  }

  Outcome Resolve(const Access& own = {}) {
    return Run(own, [&](const Access& access, auto outcome) {
      client_->ResolveRevision(repo_, Revision::Main(), access,
                               [outcome](auto commit) { outcome->status = commit.status(); });
    });
  }

  Outcome ListTree(const Access& own = {}) {
    return Run(own, [&](const Access& access, auto outcome) {
      client_->ListTree(repo_, *CommitId::Parse(kCommitHex), access, [outcome](absl::StatusOr<Tree> tree) {
        outcome->status = tree.status();
        if (!tree.ok()) return;
        for (const Entry& entry : tree->entries) outcome->paths.push_back(entry.path.text());
      });
    });
  }

  Outcome Search() {
    return Run({}, [&](const Access& access, auto outcome) {
      client_->Search({.text = "otter", .limit = 2}, access,
                      [outcome](auto found) { outcome->status = found.status(); });
    });
  }

  void ServeInfo() {
    const std::string info = fmt::format(R"({{"id":"acme/otter","sha":"{}"}})", kCommitHex);
    http_.On(kInfo).Reply(200, {}, info);
    http_.On(kSha).Reply(200, {}, info);
  }

  // Three pages; the second refuses once.
  void ServeTreeThatBreaksOff() {
    http_.On(kTree).Reply(200, {NextIs(2)}, PageOf("a"));
    http_.On(PageUrl(2)).Reply(503).ThenReply(200, {NextIs(3)}, PageOf("b"));
    http_.On(PageUrl(3)).Reply(200, {}, PageOf("c"));
  }

  void Restart() {
    memory_ = std::make_unique<AnswerMemory>(store_, 1 << 20);
    saving_ = MakeSavingAsker({.lifetimes = {}, .salt = "salt"}, *asker_, *memory_, disk_, runner_.clock());
    client_ = MakeHubClient(kHost, *saving_, http_, runner_, runner_.clock());
  }

  const RepoId repo_ = *RepoId::Parse(RepoType::kModel, "acme/otter");
  ManualTaskRunner runner_;
  ManualWorkerPool disk_{runner_};
  FakeTransport http_{&runner_};
  metadata::FakeMetadataStore store_;
  const std::unique_ptr<Asker> asker_ = MakeHttpAsker({kHost, http_, runner_.clock()});
  std::unique_ptr<AnswerMemory> memory_ = std::make_unique<AnswerMemory>(store_, 1 << 20);
  std::unique_ptr<Asker> saving_ =
      MakeSavingAsker({.lifetimes = {}, .salt = "salt"}, *asker_, *memory_, disk_, runner_.clock());
  std::unique_ptr<HubClient> client_ = MakeHubClient(kHost, *saving_, http_, runner_, runner_.clock());
};

TEST_F(RememberingHubClientTest, WhatInfoLearnsOfABranchServesAPull) {
  ServeInfo();
  const WallTime asked_at = runner_.clock().wall();
  EXPECT_EQ(GetRepo().as_of, std::nullopt);
  runner_.AdvanceAndRunUntilIdle(10s);

  const Outcome resolved = Resolve();

  EXPECT_THAT(resolved.status, IsOk());
  EXPECT_EQ(resolved.as_of, asked_at);
  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kInfo));
}

TEST_F(RememberingHubClientTest, TheScannersOpinionOfACommitIsNotKeptForEver) {
  http_.On(kHost + "/api/models/acme/otter/revision/" + kCommitHex + "?securityStatus=true")
      .Reply(200, {}, fmt::format(R"({{"id":"acme/otter","sha":"{}"}})", kCommitHex));
  const auto scan = [this] {
    client_->GetScan(repo_, *CommitId::Parse(kCommitHex), {}, Access{}, [](const auto&) {});
    runner_.RunUntilIdle();
    return http_.RequestCount();
  };

  EXPECT_EQ(scan(), 1U);
  EXPECT_EQ(scan(), 1U);
  runner_.AdvanceAndRunUntilIdle(60s);
  EXPECT_EQ(scan(), 2U);
}

TEST_F(RememberingHubClientTest, ADatasetIsAskedAboutOtherFilesAnew) {
  http_.On(kHost + "/api/datasets/acme/ponds/paths-info/" + kCommitHex).Reply(200, {}, "[]");
  const auto scan = [this](const std::string& path) {
    client_->GetScan(*RepoId::Parse(RepoType::kDataset, "acme/ponds"), *CommitId::Parse(kCommitHex), {path},
                     Access{}, [](const auto&) {});
    runner_.RunUntilIdle();
    return http_.RequestCount();
  };

  EXPECT_EQ(scan("a"), 1U);
  EXPECT_EQ(scan("a"), 1U);
  EXPECT_EQ(scan("b"), 2U);
}

TEST_F(RememberingHubClientTest, ATreeIsAskedForOnceForEver) {
  http_.On(kTree).Reply(200, {NextIs(2)}, PageOf("a"));
  http_.On(PageUrl(2)).Reply(200, {}, PageOf("b"));
  EXPECT_THAT(ListTree().paths, ElementsAre("a", "b"));
  runner_.AdvanceAndRunUntilIdle(std::chrono::hours(10'000));
  Restart();
  Access renewing;
  renewing.memory = Memory::kRenew;

  const Outcome again = ListTree(renewing);

  EXPECT_THAT(again.paths, ElementsAre("a", "b"));
  EXPECT_EQ(again.as_of, std::nullopt) << "it cannot have changed";
  EXPECT_EQ(http_.RequestCount(), 2U);
}

TEST_F(RememberingHubClientTest, AListingThatBrokeOffGoesOnAtItsPageEvenInAnotherDaemon) {
  ServeTreeThatBreaksOff();
  EXPECT_THAT(ListTree().status, HasReason("HUB_UNREACHABLE"));
  Restart();
  EXPECT_THAT(ListTree().paths, ElementsAre("a", "b", "c"));
  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kTree, PageUrl(2), PageUrl(2), PageUrl(3)));
}

TEST_F(RememberingHubClientTest, AListingWhoseNextPageTheHubKnowsNoMoreBeginsAnew) {
  http_.On(kTree).Reply(200, {NextIs(2)}, PageOf("a")).ThenReply(200, {NextIs(4)}, PageOf("a"));
  http_.On(PageUrl(2)).Reply(503).ThenReply(400, {}, R"({"error":"invalid cursor"})");
  http_.On(PageUrl(4)).Reply(200, {}, PageOf("b"));
  EXPECT_THAT(ListTree().status, HasReason("HUB_UNREACHABLE"));
  EXPECT_THAT(ListTree().paths, ElementsAre("a", "b"));
  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kTree, PageUrl(2), PageUrl(2), kTree, PageUrl(4)));
}

TEST_F(RememberingHubClientTest, AHubThatRefusesEveryNextPageIsNotAskedForEver) {
  http_.On(kTree).Reply(200, {NextIs(2)}, PageOf("a"));
  http_.On(PageUrl(2)).Reply(400);
  EXPECT_THAT(ListTree().status, HasReason("HUB_ERROR"));
  EXPECT_THAT(ListTree().status, HasReason("HUB_ERROR"));
  EXPECT_EQ(http_.RequestCount(), 5U);
}

TEST_F(RememberingHubClientTest, NonsenseIsNotBelievedForEver) {
  http_.On(kTree).Reply(200, {}, "<html>").ThenReply(200, {}, "<html>").ThenReply(200, {}, PageOf("a"));
  EXPECT_THAT(ListTree().status, HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(ListTree().paths, ElementsAre("a"));
  EXPECT_THAT(ListTree().paths, ElementsAre("a"));
  EXPECT_EQ(http_.RequestCount(), 3U);
}

TEST_F(RememberingHubClientTest, ASearchIsRememberedWithAllItsPages) {
  const std::string first =
      kHost +
      "/api/models?search=otter&limit=2&expand=private&expand=likes&expand=tags&expand=createdAt&"
      "expand=lastModified&expand=downloads&expand=gated&expand=pipeline_tag&expand=library_name";
  http_.On(first).Reply(200, {NextIs(2)}, R"([{"id":"a/one"}])");
  http_.On(PageUrl(2)).Reply(200, {}, R"([{"id":"a/two"}])");
  const WallTime asked_at = runner_.clock().wall();
  EXPECT_THAT(Search().status, IsOk());
  runner_.AdvanceAndRunUntilIdle(59s);
  const Outcome again = Search();
  EXPECT_THAT(again.status, IsOk());
  EXPECT_EQ(again.as_of, asked_at);
  EXPECT_EQ(http_.RequestCount(), 2U);
  runner_.AdvanceAndRunUntilIdle(1s);
  EXPECT_THAT(Search().as_of, std::nullopt);
  EXPECT_EQ(http_.RequestCount(), 4U);
}

TEST_F(RememberingHubClientTest, SendsTheEtagOnAndTakesNotModifiedForAnAnswer) {
  const std::string info = fmt::format(R"({{"id":"acme/otter","sha":"{}"}})", kCommitHex);
  http_.On(kInfo).Reply(200, {{"ETag", "W/\"1f-x\""}}, info).ThenReply(304);
  EXPECT_THAT(GetRepo().status, IsOk());
  Access renewing;
  renewing.memory = Memory::kRenew;
  EXPECT_THAT(GetRepo(renewing).status, IsOk());
  const std::vector<transport::HttpRequest> requests = http_.Requests();
  ASSERT_THAT(requests, SizeIs(2));
  const auto condition = [](const transport::HttpRequest& request) {
    for (const HttpHeader& header : request.headers) {
      if (header.name == "If-None-Match") return header.value;
    }
    return std::string();
  };
  EXPECT_EQ(condition(requests[0]), "");
  EXPECT_EQ(condition(requests[1]), "W/\"1f-x\"");
}

TEST_F(RememberingHubClientTest, NotModifiedThatNobodyAskedForIsAnError) {
  http_.On(kInfo).Reply(304);
  EXPECT_THAT(GetRepo().status, HasReason("HUB_ERROR"));
}

TEST_F(RememberingHubClientTest, NoTokenIsWrittenDown) {
  ServeInfo();
  Access access;
  access.token = Secret("hf_verysecret");
  GetRepo(access);
  std::string all;
  EXPECT_THAT(store_.Scan(metadata::Table::kAnswers, "",
                          [&](std::string_view key, std::string_view value) {
                            all += std::string(key) + std::string(value);
                            return true;
                          }),
              IsOk());
  EXPECT_THAT(all, testing::HasSubstr("acme/otter"));
  EXPECT_THAT(all, testing::Not(testing::HasSubstr("hf_verysecret")));
}

}  // namespace
}  // namespace batuta::hub
