#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "daemon/budget/window.h"
#include "daemon/hub/exchange.h"
#include "daemon/hub/repo_writer.h"
#include "nlohmann/json.hpp"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::hub {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using transport::HttpMethod;
using transport::HttpRequest;

const std::string kHost = "https://hub.test";
const std::string kCreate = kHost + "/api/repos/create";
const std::string kCommitUrl = kHost + "/api/models/acme/otter/commit/main";
const std::string kBatch = kHost + "/acme/otter.git/info/lfs/objects/batch";
const std::string kCommit(40, 'c');
const std::string kOid(64, 'a');
const RepoId kRepo = *RepoId::Parse(RepoType::kModel, "acme/otter");

std::string Made() {
  return fmt::format(R"({{"success":true,"commitOid":"{}"}})", kCommit);
}

class HttpRepoWriterTest : public ::testing::Test {
 protected:
  Access WithToken() const {
    return {.principal = {.uid = 7, .tool = "test"}, .token = Secret("hf_secret"), .on_waiting = {}};
  }

  template <typename T, typename Ask>
  absl::StatusOr<T> Get(Ask ask) {
    absl::StatusOr<T> result = absl::UnknownError("never called back");
    int calls = 0;
    ask([&](absl::StatusOr<T> answer) {
      result = std::move(answer);
      ++calls;
    });
    EXPECT_EQ(calls, 0) << "called back from within the call";
    runner_.RunUntilIdle();
    EXPECT_EQ(calls, 1);
    return result;
  }

  absl::StatusOr<CreatedRepo> Create(bool is_private = true) {
    return Get<CreatedRepo>([&](auto done) {
      writer_->CreateRepo({.repo = kRepo, .is_private = is_private}, WithToken(), std::move(done));
    });
  }

  absl::StatusOr<CommitResult> Commit() {
    auto commit = std::make_shared<CommitRequest>(CommitRequest{
        .repo = kRepo, .summary = "Add", .changes = {InlineFile{*RepoPath::Parse("a.txt"), "hello"}}});
    return Get<CommitResult>(
        [&](auto done) { writer_->Commit(std::move(commit), WithToken(), std::move(done)); });
  }

  absl::StatusOr<bool> Verify(const LfsUpload& upload) {
    return Get<bool>([&](auto done) { writer_->VerifyUpload(upload, WithToken(), std::move(done)); });
  }

  absl::StatusOr<bool> Complete(const LfsUpload& upload) {
    return Get<bool>([&](auto done) {
      writer_->CompleteUpload(upload, {{1, "e1"}, {2, "e2"}}, WithToken(), std::move(done));
    });
  }

  absl::StatusOr<CardCheck> Check() {
    return Get<CardCheck>(
        [&](auto done) { writer_->CheckCard(RepoType::kModel, "---\n---\n", WithToken(), std::move(done)); });
  }

  static LfsUpload Upload() { return {.object = {.sha256 = *BlobId::Parse(kOid), .size_bytes = 10}}; }

  HttpRequest Only() const {
    EXPECT_THAT(http_.Requests(), SizeIs(1));
    return http_.Requests().at(0);
  }

  ManualTaskRunner runner_;
  FakeTransport http_{&runner_};
  const std::unique_ptr<Asker> asker_ = MakeHttpAsker({kHost, http_, runner_.clock()});
  const std::unique_ptr<RepoWriter> writer_ = MakeRepoWriter(kHost + "/", *asker_, runner_);
};

TEST_F(HttpRepoWriterTest, SendsACommitOfLinesInTheCallersName) {
  http_.On(kCommitUrl).Reply(200, {}, Made());

  const auto result = Commit();

  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->commit.hex(), kCommit);
  const HttpRequest request = Only();
  EXPECT_EQ(request.method, HttpMethod::kPost);
  EXPECT_EQ(request.bearer.Reveal(), "hf_secret");
  EXPECT_EQ(request.principal.uid, 7U);
  ASSERT_NE(request.body_source, nullptr) << "the body is not to be in memory as a whole";
  EXPECT_THAT(request.body, HasSubstr(R"("key":"file")"));
  EXPECT_THAT(request.body, HasSubstr("aGVsbG8="));
  EXPECT_GT(request.idle_timeout, std::chrono::seconds(60)) << "the hub takes up to a minute";
}

TEST_F(HttpRepoWriterTest, ABranchWithASlashIsOneSegment) {
  const std::string url = kHost + "/api/models/acme/otter/commit/refs%2Fpr%2F3";
  http_.On(url).Reply(200, {}, Made());
  auto commit = std::make_shared<CommitRequest>(
      CommitRequest{.repo = kRepo, .branch = *Revision::Parse("refs/pr/3"), .summary = "Add"});
  EXPECT_THAT(Get<CommitResult>([&](auto done) { writer_->Commit(commit, WithToken(), std::move(done)); }),
              IsOk());
}

TEST_F(HttpRepoWriterTest, ARenamedRepoTakesTheWholeBodyAgain) {
  const std::string renamed = kHost + "/api/models/acme/new-otter/commit/main";
  http_.On(kCommitUrl).Reply(307, {{"Location", "/api/models/acme/new-otter/commit/main"}});
  http_.On(renamed).Reply(200, {}, Made());

  EXPECT_THAT(Commit(), IsOk());

  ASSERT_THAT(http_.Requests(), SizeIs(2));
  EXPECT_EQ(http_.Requests()[1].body, http_.Requests()[0].body);
  EXPECT_EQ(http_.Requests()[1].method, HttpMethod::kPost);
  EXPECT_EQ(http_.Requests()[1].bearer.Reveal(), "hf_secret");
}

TEST_F(HttpRepoWriterTest, AChangeDoesNotFollowARedirectByWhichItWouldBeLost) {
  for (const int status : {301, 302, 303}) {
    http_.On(kCommitUrl).Reply(status, {{"Location", "/api/models/acme/new-otter/commit/main"}});
    EXPECT_THAT(Commit(), HasReason(reason::kHubProtocol)) << status;
  }
  EXPECT_EQ(http_.RequestCount(kCommitUrl), http_.RequestCount());
}

TEST_F(HttpRepoWriterTest, AChangeDoesNotLeaveTheEndpoint) {
  http_.On(kCommitUrl).Reply(308, {{"Location", "https://evil.test/commit"}});

  EXPECT_THAT(Commit(), HasReason(reason::kHubProtocol));

  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kCommitUrl));
}

TEST_F(HttpRepoWriterTest, WhatALinkBringsDoesNotLeaveTheServerOfTheLink) {
  LfsUpload upload = Upload();
  upload.verify =
      LfsLink{.url = "https://store.test/verify", .headers = {{"Authorization", "Basic c2VjcmV0"}}};
  http_.On("https://store.test/verify").Reply(307, {{"Location", "https://evil.test/verify"}});
  http_.On("https://evil.test/verify").Reply(200);

  EXPECT_THAT(Verify(upload), HasReason(reason::kHubProtocol));

  EXPECT_THAT(http_.RequestedUrls(), ElementsAre("https://store.test/verify"));
}

TEST_F(HttpRepoWriterTest, RefusalsOfACommitAreToldApart) {
  struct Case {
    int http_status;
    absl::StatusCode code;
    std::string_view reason;
  };

  const std::vector<Case> cases = {
      {400, absl::StatusCode::kInvalidArgument, reason::kHubError},
      {403, absl::StatusCode::kPermissionDenied, reason::kHubForbidden},
      {404, absl::StatusCode::kNotFound, reason::kRevisionNotFound},
      {409, absl::StatusCode::kAlreadyExists, reason::kHubError},
      {412, absl::StatusCode::kAborted, reason::kRevisionMoved},
      {413, absl::StatusCode::kInvalidArgument, reason::kHubError},
      {422, absl::StatusCode::kInvalidArgument, reason::kHubError},
      {429, absl::StatusCode::kResourceExhausted, reason::kHubRateLimited},
      {504, absl::StatusCode::kUnavailable, reason::kHubUnreachable},
  };
  auto script = http_.On(kCommitUrl);
  bool is_first = true;
  for (const Case& each : cases) {
    const std::string body = R"({"error":"because"})";
    std::exchange(is_first, false) ? script.Reply(each.http_status, {}, body)
                                   : script.ThenReply(each.http_status, {}, body);
  }
  for (const Case& each : cases) {
    const auto result = Commit();
    EXPECT_THAT(result, AllOf(StatusIs(each.code), HasReason(each.reason), HasMessage(HasSubstr("because"))))
        << each.http_status;
  }
  EXPECT_EQ(http_.RequestCount(), cases.size()) << "one call, one try";
}

TEST_F(HttpRepoWriterTest, ANonsensicalAnswerToAChangeIsNotAskedForAgain) {
  http_.On(kCommitUrl).Reply(200, {}, "<html>log in</html>");
  EXPECT_THAT(Commit(), HasReason(reason::kHubProtocol));
  EXPECT_EQ(http_.RequestCount(), 1U);
}

TEST_F(HttpRepoWriterTest, CreatesARepoAndSaysWhereItIs) {
  http_.On(kCreate).Reply(200, {}, R"({"id":"acme/otter"})");

  const auto created = Create();

  ASSERT_THAT(created, IsOk());
  EXPECT_FALSE(created->existed);
  EXPECT_EQ(created->url, kHost + "/acme/otter");
  EXPECT_EQ(json::parse(Only().body)["visibility"], "private");
}

TEST_F(HttpRepoWriterTest, ARepoThatExistsIsNoError) {
  http_.On(kCreate).Reply(409, {}, R"({"error":"You already created this model repo"})");
  const auto created = Create();
  ASSERT_THAT(created, IsOk());
  EXPECT_TRUE(created->existed);
  EXPECT_EQ(created->url, kHost + "/acme/otter");
}

TEST_F(HttpRepoWriterTest, ARepoThatIsBeingMadeIsWorthAnotherTry) {
  http_.On(kCreate).Reply(409, {}, R"({"error":"Cannot: a conflicting operation is in progress"})");
  EXPECT_TRUE(IsTransient(Create().status()));
}

TEST_F(HttpRepoWriterTest, ABranchThatExistsIsNoError) {
  const std::string url = kHost + "/api/models/acme/otter/branch/dev";
  http_.On(url).Reply(409, {}, R"({"error":"exists"})").ThenReply(403);
  const auto create = [&] {
    return Get<bool>([&](auto done) {
      writer_->CreateBranch(kRepo, *Revision::Parse("dev"), *CommitId::Parse(kCommit), WithToken(),
                            std::move(done));
    });
  };
  EXPECT_THAT(create(), IsOk());
  EXPECT_EQ(json::parse(Only().body)["startingPoint"], kCommit);
  EXPECT_THAT(create(), HasReason(reason::kHubForbidden));
}

TEST_F(HttpRepoWriterTest, ErrorsOfACardAreAnAnswer) {
  http_.On(kHost + "/api/validate-yaml")
      .Reply(200, {}, R"({"errors":[],"warnings":[{"message":"no license"}]})")
      .ThenReply(400, {}, R"({"errors":[{"message":"bad license"}]})")
      .ThenReply(500);

  EXPECT_THAT(Check()->warnings, ElementsAre("no license"));
  const auto refused = Check();
  ASSERT_THAT(refused, IsOk());
  EXPECT_THAT(refused->errors, ElementsAre(HasSubstr("bad license")));
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpRepoWriterTest, AsksForPlacesInTheWordsOfLfs) {
  http_.On(kBatch).Reply(200, {}, fmt::format(R"({{"objects":[{{"oid":"{}"}}]}})", kOid));

  const auto uploads = Get<std::vector<LfsUpload>>([&](auto done) {
    writer_->BeginUploads(kRepo, Revision::Main(), {Upload().object}, WithToken(), std::move(done));
  });

  ASSERT_THAT(uploads, IsOk());
  std::vector<std::string> types;
  for (const auto& header : Only().headers) {
    if (header.name == "Accept" || header.name == "Content-Type") types.push_back(header.value);
  }
  EXPECT_THAT(types, ElementsAre("application/vnd.git-lfs+json", "application/vnd.git-lfs+json"));
}

TEST_F(HttpRepoWriterTest, TellsOfAnUploadWithTheTokenOnTheEndpointOnly) {
  LfsUpload upload = Upload();
  upload.verify =
      LfsLink{.url = kHost + "/verify", .headers = {{"X-Way", "1"}, {"Content-Type", "text/plain"}}};
  http_.On(kHost + "/verify").Reply(200);
  http_.On("https://elsewhere.test/verify").Reply(200);

  EXPECT_THAT(Verify(upload), IsOk());
  upload.verify->url = "https://elsewhere.test/verify";
  EXPECT_THAT(Verify(upload), IsOk());

  const std::vector<HttpRequest> requests = http_.Requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].bearer.Reveal(), "hf_secret");
  EXPECT_EQ(requests[1].bearer.Reveal(), "");
  EXPECT_EQ(json::parse(requests[0].body), json({{"oid", kOid}, {"size", 10}}));
  size_t content_types = 0;
  for (const auto& header : requests[0].headers) content_types += header.name == "Content-Type" ? 1U : 0U;
  EXPECT_EQ(content_types, 1U);
}

TEST_F(HttpRepoWriterTest, ALinkThatBringsItsOwnAuthorizationGetsNoToken) {
  LfsUpload upload = Upload();
  upload.verify = LfsLink{.url = kHost + "/verify", .headers = {{"authorization", "Basic eDp5"}}};
  http_.On(kHost + "/verify").Reply(200);
  EXPECT_THAT(Verify(upload), IsOk());
  EXPECT_TRUE(Only().bearer.empty());
}

TEST_F(HttpRepoWriterTest, NobodyIsToldWhereNobodyWantsToKnow) {
  EXPECT_THAT(Verify(Upload()), IsOk());
  EXPECT_EQ(http_.RequestCount(), 0U);
}

TEST_F(HttpRepoWriterTest, JoinsPartsWithoutTheTokenElsewhere) {
  LfsUpload upload = Upload();
  upload.upload.url = "https://store.test/complete?uploadId=1";
  http_.On(upload.upload.url).Reply(200, {}, "").ThenReply(404);

  EXPECT_THAT(Complete(upload), IsOk());
  const HttpRequest request = Only();
  EXPECT_TRUE(request.bearer.empty());
  EXPECT_EQ(json::parse(request.body)["parts"][1]["etag"], "e2");
  EXPECT_FALSE(Complete(upload).ok());
}

TEST_F(HttpRepoWriterTest, OpensADraft) {
  const std::string url = kHost + "/api/models/acme/otter/discussions";
  http_.On(url).Reply(200, {}, R"({"num":12})");
  const auto opened = Get<PullRequest>([&](auto done) {
    writer_->OpenPullRequest(kRepo, "Add otters", "many", WithToken(), std::move(done));
  });
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(opened->branch.text(), "refs/pr/12");
  EXPECT_EQ(json::parse(Only().body),
            json({{"title", "Add otters"}, {"description", "many"}, {"pullRequest", true}}));
}

TEST_F(HttpRepoWriterTest, ReadsTheHistoryEachTimeAnew) {
  const std::string url = kHost + "/api/models/acme/otter/commits/main?limit=5";
  http_.On(url)
      .Reply(200, {}, "[]")
      .ThenReply(200, {}, fmt::format(R"([{{"id":"{}","title":"Add","message":""}}])", kCommit));
  const auto list = [&] {
    return Get<std::vector<CommitTitle>>(
        [&](auto done) { writer_->ListCommits(kRepo, Revision::Main(), 5, WithToken(), std::move(done)); });
  };
  EXPECT_THAT(*list(), IsEmpty());
  EXPECT_THAT(*list(), SizeIs(1));
}

TEST_F(HttpRepoWriterTest, TheBudgetKnowsCommitsAndNewReposByTheirRequests) {
  http_.On(kCommitUrl).Reply(200, {}, Made());
  http_.On(kCreate).Reply(200, {}, "{}");
  EXPECT_THAT(Commit(), IsOk());
  EXPECT_THAT(Create(), IsOk());

  const std::vector<HttpRequest> requests = http_.Requests();
  EXPECT_EQ(budget::ActionOf(kHost, requests.at(0).method, requests.at(0).url), budget::WindowKind::kCommits);
  EXPECT_EQ(budget::ActionOf(kHost, requests.at(1).method, requests.at(1).url),
            budget::WindowKind::kRepoCreations);
}

TEST_F(HttpRepoWriterTest, TheTokenIsNotInAnyError) {
  http_.On(kCommitUrl).Reply(400, {}, R"({"error":"your token hf_secret is odd"})");
  EXPECT_EQ(std::string(Commit().status().ToString()).find("hf_secret"), std::string::npos);
}

}  // namespace
}  // namespace batuta::hub
