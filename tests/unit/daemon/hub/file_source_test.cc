#include "daemon/hub/file_source.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/status/status.h"
#include "daemon/hub/exchange.h"
#include "daemon/hub/hub_client.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::hub {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using transport::ByteRange;
using transport::CallId;
using transport::DataResult;
using transport::HttpHeader;
using transport::HttpRequest;

const std::string kHost = "https://hub.test";
const std::string kCommit(40, 'a');
const std::string kSha(64, '7');
const std::string kResolver = kHost + "/acme/otter/resolve/" + kCommit + "/w.bin";
const std::string kLink = "https://cdn.test/blob?Signature=topsecret";
const std::string kFreshLink = "https://cdn.test/blob?Signature=secondsecret";

// Keeps what it is told.
class Receiver final : public transport::RangeHandler {
 public:
  void OnStart(uint64_t offset) override {
    EXPECT_FALSE(done);
    starts.push_back(offset);
  }

  DataResult OnData(std::span<const std::byte> data) override {
    EXPECT_FALSE(done);
    EXPECT_EQ(starts.size(), 1U);
    if (pause_at && bytes.size() >= *pause_at) return DataResult::kPause;
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return stop_at && bytes.size() >= *stop_at ? DataResult::kStop : DataResult::kContinue;
  }

  void OnDone(const absl::Status& result) override {
    EXPECT_FALSE(done) << "called twice";
    done = true;
    status = result;
  }

  void OnWaiting(const transport::WaitInfo& info) override { waits.push_back(info.reason); }

  std::vector<uint64_t> starts;
  std::string bytes;
  bool done = false;
  absl::Status status = absl::UnknownError("not done");
  std::vector<std::string> waits;
  std::optional<size_t> pause_at;
  std::optional<size_t> stop_at;
};

std::string Content() {
  std::string content;
  for (int i = 0; i < 1'000; ++i) content += static_cast<char>('a' + i % 26);
  return content;
}

class FileSourceTest : public ::testing::Test {
 protected:
  FileSourceTest() { Open(); }

  void Open() {
    const Entry entry{
        .path = *RepoPath::Parse("w.bin"), .size_bytes = content_.size(), .blob = *BlobId::Parse(kSha)};
    const Access access{.principal = {.uid = 7, .tool = "test"},
                        .token = Secret("hf_secret"),
                        .changing_priority = priority_,
                        .on_waiting = {}};
    source_ = client_->OpenFile(*RepoId::Parse(RepoType::kModel, "acme/otter"), *CommitId::Parse(kCommit),
                                entry, access);
  }

  std::vector<HttpHeader> Redirect(const std::string& to) const {
    return {{"Location", to},
            {"X-Repo-Commit", kCommit},
            {"X-Linked-Etag", "\"" + kSha + "\""},
            {"X-Linked-Size", "1000"},
            {"ETag", "\"of the redirect\""}};
  }

  void ServeByCdn() {
    http_.On(kResolver).Reply(302, Redirect(kLink), "Found");
    http_.On(kLink).Serve(content_, {{"ETag", "\"" + std::string(64, 'x') + "\""}});
  }

  std::shared_ptr<Receiver> Start(ByteRange range) {
    auto receiver = std::make_shared<Receiver>();
    last_call_ = source_->Fetch(range, receiver);
    return receiver;
  }

  std::shared_ptr<Receiver> Fetch(ByteRange range) {
    auto receiver = Start(range);
    runner_.RunUntilIdle();
    EXPECT_TRUE(receiver->done);
    return receiver;
  }

  std::string RangeOf(size_t request) const {
    const std::vector<HttpRequest> requests = http_.Requests();
    for (const HttpHeader& header : requests.at(request).headers) {
      if (header.name == "Range") return header.value;
    }
    return "";
  }

  std::vector<std::string> TokensSent() const {
    std::vector<std::string> tokens;
    for (const HttpRequest& request : http_.Requests()) tokens.push_back(request.bearer.Reveal());
    return tokens;
  }

  const std::string content_ = Content();
  ManualTaskRunner runner_;
  FakeTransport http_{&runner_};
  const std::unique_ptr<Asker> asker_ = MakeHttpAsker({kHost, http_, runner_.clock()});
  std::unique_ptr<HubClient> client_ = MakeHubClient(kHost, *asker_, http_, runner_, runner_.clock());
  std::shared_ptr<std::atomic<Priority>> priority_;
  std::shared_ptr<transport::RangeSource> source_;
  CallId last_call_ = 0;
};

TEST_F(FileSourceTest, EachRequestIsAsUrgentAsTheJobIsWhenItIsMade) {
  priority_ = std::make_shared<std::atomic<Priority>>(Priority::kInteractive);
  Open();
  ServeByCdn();
  Fetch({0, 10});
  *priority_ = Priority::kBackground;
  Fetch({10, 20});
  std::vector<Priority> priorities;
  for (const HttpRequest& request : http_.Requests()) priorities.push_back(request.priority);
  EXPECT_THAT(priorities, ElementsAre(Priority::kInteractive, Priority::kInteractive, Priority::kBackground));
}

TEST_F(FileSourceTest, OpeningMakesNoRequest) {
  runner_.RunUntilIdle();
  EXPECT_EQ(http_.RequestCount(), 0U);
}

TEST_F(FileSourceTest, GoesThroughTheResolverAndLeavesTheTokenThere) {
  ServeByCdn();
  const auto receiver = Fetch({100, 200});

  EXPECT_THAT(receiver->status, IsOk());
  EXPECT_THAT(receiver->starts, ElementsAre(100U));
  EXPECT_EQ(receiver->bytes, content_.substr(100, 100));
  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kResolver, kLink));
  EXPECT_THAT(TokensSent(), ElementsAre("hf_secret", ""));
  EXPECT_EQ(RangeOf(0), "bytes=100-199");
  EXPECT_EQ(RangeOf(1), "bytes=100-199");
}

TEST_F(FileSourceTest, LaterFetchesGoStraightToTheLink) {
  ServeByCdn();
  Fetch({0, 10});
  const auto receiver = Fetch({990, 1'000});
  EXPECT_EQ(receiver->bytes, content_.substr(990));
  EXPECT_THAT(http_.RequestedUrls(), ElementsAre(kResolver, kLink, kLink));
}

TEST_F(FileSourceTest, ManyFetchesAtOnceAskTheResolverOnce) {
  ServeByCdn();
  std::vector<std::shared_ptr<Receiver>> receivers;
  for (uint64_t i = 0; i < 8; ++i) receivers.push_back(Start({i * 100, i * 100 + 100}));
  EXPECT_EQ(http_.RequestCount(), 1U);
  runner_.RunUntilIdle();

  EXPECT_EQ(http_.RequestCount(kResolver), 1U);
  EXPECT_EQ(http_.RequestCount(kLink), 8U);
  for (uint64_t i = 0; i < 8; ++i) EXPECT_EQ(receivers[i]->bytes, content_.substr(i * 100, 100));
}

TEST_F(FileSourceTest, WhoWaitsForTheResolverSharesItsRefusal) {
  http_.On(kResolver).Reply(403, {{"X-Error-Code", "GatedRepo"}});
  const auto first = Start({0, 10});
  const auto second = Start({10, 20});
  runner_.RunUntilIdle();
  EXPECT_THAT(first->status, HasReason("REPO_GATED"));
  EXPECT_THAT(second->status, HasReason("REPO_GATED"));
  EXPECT_EQ(http_.RequestCount(), 1U);
}

TEST_F(FileSourceTest, WhenTheOneWhoAsksGivesUpTheNextOneAsks) {
  ServeByCdn();
  const auto first = Start({0, 10});
  const CallId first_call = last_call_;
  const auto second = Start({10, 20});
  const auto third = Start({20, 30});
  source_->Cancel(first_call);
  runner_.RunUntilIdle();

  EXPECT_THAT(first->status, AllOf(StatusIs(absl::StatusCode::kCancelled), HasReason("CANCELLED")));
  EXPECT_EQ(second->bytes, content_.substr(10, 10));
  EXPECT_EQ(third->bytes, content_.substr(20, 10));
}

TEST_F(FileSourceTest, AFetchThatWaitsCanBeCancelled) {
  ServeByCdn();
  const auto first = Start({0, 10});
  const auto second = Start({10, 20});
  source_->Cancel(last_call_);
  EXPECT_FALSE(second->done);
  runner_.RunUntilIdle();
  EXPECT_THAT(second->status, HasReason("CANCELLED"));
  EXPECT_THAT(first->status, IsOk());
  EXPECT_EQ(http_.RequestCount(kLink), 1U);
}

TEST_F(FileSourceTest, AFileThatTheEndpointServesIsAskedForThereWithTheToken) {
  http_.On(kResolver).Reply(
      307, {{"Location", "/api/resolve-cache/models/acme/otter/x"}, {"X-Repo-Commit", kCommit}});
  http_.On(kHost + "/api/resolve-cache/models/acme/otter/x").Serve(content_, {{"ETag", "\"" + kSha + "\""}});
  const auto first = Start({0, 500});
  const auto second = Start({500, 1'000});
  runner_.RunUntilIdle();
  EXPECT_EQ(first->bytes + second->bytes, content_);
  EXPECT_THAT(TokensSent(), Each("hf_secret"));
  EXPECT_EQ(Fetch({0, 5})->bytes, content_.substr(0, 5));
}

TEST_F(FileSourceTest, EmptyRangesMakeNoRequest) {
  const auto receiver = Start({40, 40});
  EXPECT_FALSE(receiver->done);
  runner_.RunUntilIdle();
  EXPECT_THAT(receiver->status, IsOk());
  EXPECT_THAT(receiver->starts, ElementsAre(40U));
  EXPECT_THAT(Fetch({0, 1'001})->status, HasReason("INTERNAL"));
  EXPECT_THAT(Fetch({7, 6})->status, HasReason("INTERNAL"));
  EXPECT_EQ(http_.RequestCount(), 0U);
}

TEST_F(FileSourceTest, AServerThatIgnoresRangesStartsAtZeroAndStopsAtTheEndOfTheRange) {
  http_.On(kResolver).Reply(200, {{"Content-Length", "1000"}}, content_).InPieces(64);
  const auto receiver = Fetch({100, 200});
  EXPECT_THAT(receiver->status, IsOk());
  EXPECT_THAT(receiver->starts, ElementsAre(0U));
  EXPECT_EQ(receiver->bytes, content_.substr(0, 200));
}

TEST_F(FileSourceTest, AnswersAboutAnotherFileDeliverNoByte) {
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"X-Repo-Commit", std::string(40, 'b')},
                                                        {"X-Linked-Etag", std::string(64, '0')},
                                                        {"X-Linked-Size", "999"}}) {
    FakeTransport fresh(&runner_);
    client_ = MakeHubClient(kHost, *asker_, fresh, runner_, runner_.clock());
    Open();
    fresh.On(kResolver).Reply(302, {{"Location", kLink}, {name, value}});
    const auto receiver = Fetch({0, 10});
    EXPECT_THAT(receiver->status, AllOf(HasReason("UPSTREAM_CHANGED"), StatusIs(absl::StatusCode::kAborted)))
        << name;
    EXPECT_THAT(receiver->starts, ElementsAre()) << name;
    EXPECT_EQ(fresh.RequestCount(), 1U) << name;
    source_.reset();
    client_.reset();
  }
}

struct LinkCase {
  int status;
  std::vector<HttpHeader> headers;
  std::string body;
  std::string_view reason;
};

TEST_F(FileSourceTest, BadAnswersOfTheLinkDeliverNoByte) {
  const std::vector<LinkCase> cases = {
      {206, {{"Content-Range", "bytes 0-9/999"}}, "0123456789", "UPSTREAM_CHANGED"},
      {206, {{"Content-Range", "bytes 5-14/1000"}}, "0123456789", "HUB_UNREACHABLE"},
      {206, {}, "0123456789", "HUB_UNREACHABLE"},
      {206,
       {{"Content-Range", "bytes 0-9/1000"}, {"Content-Encoding", "gzip"}},
       "0123456789",
       "HUB_PROTOCOL"},
      {200, {{"Content-Length", "10"}}, "0123456789", "UPSTREAM_CHANGED"},
      {416, {{"Content-Range", "bytes */5"}}, "", "UPSTREAM_CHANGED"},
      {404, {}, "", "HUB_ERROR"},
      {503, {}, "", "HUB_UNREACHABLE"},
      {429, {{"Retry-After", "3"}}, "", "HUB_RATE_LIMITED"},
      {302, {}, "", "HUB_PROTOCOL"},
      {302, {{"Location", "http://cdn.test/x"}}, "", "HUB_PROTOCOL"},
  };
  for (const LinkCase& c : cases) {
    FakeTransport http(&runner_);
    http.On(kResolver).Reply(302, Redirect(kLink));
    http.On(kLink).Reply(c.status, c.headers, c.body);
    client_ = MakeHubClient(kHost, *asker_, http, runner_, runner_.clock());
    Open();
    const auto receiver = Fetch({0, 10});
    EXPECT_THAT(receiver->status, AllOf(HasReason(c.reason), HasMessage(HasSubstr("w.bin"))))
        << c.status << c.reason;
    EXPECT_THAT(receiver->starts, ElementsAre()) << c.status << c.reason;
    EXPECT_THAT(std::string(MessageOf(receiver->status)), Not(HasSubstr("secret")));
    source_.reset();
    client_.reset();
  }
}

TEST_F(FileSourceTest, ABodyThatEndsTooSoonIsTransient) {
  http_.On(kResolver).Reply(302, Redirect(kLink));
  http_.On(kLink).Reply(206, {{"Content-Range", "bytes 0-9/1000"}}, "01234");
  const auto receiver = Fetch({0, 10});
  EXPECT_THAT(receiver->status, HasReason("HUB_UNREACHABLE"));
  EXPECT_TRUE(IsTransient(receiver->status));
  EXPECT_EQ(receiver->bytes, "01234");
}

TEST_F(FileSourceTest, ABodyThatDoesNotEndIsCutAtTheRange) {
  http_.On(kResolver).Reply(302, Redirect(kLink));
  http_.On(kLink).Reply(206, {{"Content-Range", "bytes 0-9/1000"}}, content_);
  const auto receiver = Fetch({0, 10});
  EXPECT_THAT(receiver->status, IsOk());
  EXPECT_EQ(receiver->bytes, content_.substr(0, 10));
}

TEST_F(FileSourceTest, AFileThatIsLongerThanAnnouncedHasChanged) {
  http_.On(kResolver).Reply(200, {}, content_ + "more");
  EXPECT_THAT(Fetch({0, 1'000})->status, HasReason("UPSTREAM_CHANGED"));
}

TEST_F(FileSourceTest, ALinkThatRanOutIsAskedForAgainAndThenRefused) {
  http_.On(kResolver).Reply(302, Redirect(kLink)).ThenReply(302, Redirect(kFreshLink));
  http_.On(kLink).Serve(content_).ThenReply(403, {}, "<Error>Request has expired</Error>");
  http_.On(kFreshLink).Serve(content_).ThenReply(403);
  EXPECT_THAT(Fetch({0, 10})->status, IsOk());

  const auto expired = Fetch({10, 20});
  EXPECT_THAT(expired->status, AllOf(HasReason("LINK_EXPIRED"), HasMessage(HasSubstr("w.bin"))));
  EXPECT_TRUE(IsTransient(expired->status));
  EXPECT_THAT(std::string(MessageOf(expired->status)), Not(HasSubstr("secret")));

  EXPECT_THAT(Fetch({10, 20})->status, IsOk());
  EXPECT_THAT(Fetch({20, 30})->status, HasReason("LINK_EXPIRED"));   // the remembered one
  EXPECT_THAT(Fetch({20, 30})->status, HasReason("HUB_FORBIDDEN"));  // one fresh from the resolver
  EXPECT_EQ(http_.RequestCount(kResolver), 3U);
}

TEST_F(FileSourceTest, ALinkNearItsEndIsNotUsed) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(runner_.clock().wall().time_since_epoch()).count();
  const std::string link = kLink + "&Expires=" + std::to_string(now + 60);
  http_.On(kResolver).Reply(302, Redirect(link)).ThenReply(302, Redirect(kFreshLink));
  http_.On(link).Serve(content_);
  http_.On(kFreshLink).Serve(content_);
  Fetch({0, 10});
  Fetch({0, 10});
  EXPECT_EQ(http_.RequestCount(kResolver), 1U);

  runner_.AdvanceAndRunUntilIdle(std::chrono::seconds(56));
  EXPECT_THAT(Fetch({0, 10})->status, IsOk());
  EXPECT_EQ(http_.RequestCount(kResolver), 2U);
  EXPECT_EQ(http_.RequestCount(kFreshLink), 1U);
}

TEST_F(FileSourceTest, ALinkHostThatCannotBeReachedIsAskedForAgain) {
  http_.On(kResolver).Reply(302, Redirect(kLink)).ThenReply(302, Redirect(kFreshLink));
  http_.On(kLink).Fail(MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "no such host"));
  http_.On(kFreshLink).Serve(content_);
  EXPECT_THAT(Fetch({0, 10})->status, HasReason("HUB_UNREACHABLE"));
  EXPECT_THAT(Fetch({0, 10})->status, IsOk());
}

TEST_F(FileSourceTest, ACutConnectionKeepsTheLink) {
  http_.On(kResolver).Reply(302, Redirect(kLink));
  http_.On(kLink).Serve(content_).CutAfter(5).ThenServe(content_);
  const auto receiver = Fetch({0, 10});
  EXPECT_THAT(receiver->status, HasReason("HUB_UNREACHABLE"));
  EXPECT_EQ(receiver->bytes, content_.substr(0, 5));
  EXPECT_THAT(Fetch({5, 10})->status, IsOk());
  EXPECT_EQ(http_.RequestCount(kResolver), 1U);
}

TEST_F(FileSourceTest, PausesAndResumesAcrossHops) {
  http_.On(kResolver).Reply(302, Redirect(kLink));
  http_.On(kLink).Serve(content_).InPieces(50);
  auto receiver = std::make_shared<Receiver>();
  receiver->pause_at = 100;
  const CallId call = source_->Fetch({0, 300}, receiver);
  runner_.RunUntilIdle();
  EXPECT_EQ(receiver->bytes.size(), 100U);
  EXPECT_FALSE(receiver->done);

  receiver->pause_at.reset();
  source_->Resume(call);
  runner_.RunUntilIdle();
  EXPECT_THAT(receiver->status, IsOk());
  EXPECT_EQ(receiver->bytes, content_.substr(0, 300));
}

TEST_F(FileSourceTest, CancelsOnTheSecondHop) {
  http_.On(kResolver).Reply(302, Redirect(kLink));
  http_.On(kLink).Serve(content_).InPieces(50);
  auto receiver = std::make_shared<Receiver>();
  receiver->pause_at = 100;
  const CallId call = source_->Fetch({0, 300}, receiver);
  runner_.RunUntilIdle();
  source_->Cancel(call);
  runner_.RunUntilIdle();
  EXPECT_THAT(receiver->status, HasReason("CANCELLED"));
  EXPECT_EQ(http_.RunningCount(), 0U);

  source_->Cancel(call);  // over, and unknown
  source_->Resume(call + 100);
  EXPECT_THAT(Fetch({0, 10})->status, IsOk());
}

TEST_F(FileSourceTest, AReceiverThatHasEnoughEndsWell) {
  ServeByCdn();
  auto receiver = std::make_shared<Receiver>();
  receiver->stop_at = 1;
  source_->Fetch({0, 300}, receiver);
  runner_.RunUntilIdle();
  EXPECT_THAT(receiver->status, IsOk());
}

TEST_F(FileSourceTest, OutlivesClientAndOwnerWhileAFetchRuns) {
  http_.On(kResolver).Reply(302, Redirect(kLink)).Held();
  http_.On(kLink).Serve(content_);
  const auto first = Start({0, 10});
  const auto second = Start({10, 20});
  source_.reset();
  client_.reset();
  http_.Release(kResolver);
  runner_.RunUntilIdle();
  EXPECT_THAT(first->status, IsOk());
  EXPECT_THAT(second->status, IsOk());
}

TEST_F(FileSourceTest, EndsARedirectLoop) {
  http_.On(kResolver).Reply(307, {{"Location", kResolver}});
  EXPECT_THAT(Fetch({0, 10})->status, HasReason("HUB_PROTOCOL"));
  EXPECT_EQ(http_.RequestCount(), 11U);
}

}  // namespace
}  // namespace batuta::hub
