// What HttpTransport promises, asked of the real one and of the fake one alike.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sync/sequence.h"
#include "daemon/transport/curl_transport.h"
#include "daemon/transport/http_transport.h"
#include "tests/contract/http_transport/transport_world.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"
#include "tests/support/transport/recording_handler.h"

namespace batuta::transport {
namespace {

using ::testing::Eq;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Optional;

class HttpTransportContract : public ::testing::TestWithParam<WorldKind> {
 protected:
  static void SetUpTestSuite() { setenv("NO_PROXY", "*", 1); }

  CallId Start(const std::string& url, std::shared_ptr<HttpHandler> handler,
               HttpMethod method = HttpMethod::kGet) {
    HttpRequest request;
    request.method = method;
    request.url = url;
    return transport_.Start(std::move(request), std::move(handler));
  }

  std::shared_ptr<RecordingHandler> Fetch(const std::string& url, HttpMethod method = HttpMethod::kGet) {
    auto handler = std::make_shared<RecordingHandler>();
    Start(url, handler, method);
    EXPECT_TRUE(handler->WaitUntilDone());
    return handler;
  }

  std::shared_ptr<RecordingHandler> Send(const std::string& url, std::shared_ptr<HttpBody> body,
                                         CallId* call = nullptr) {
    HttpRequest request;
    request.method = HttpMethod::kPut;
    request.url = url;
    request.body_source = std::move(body);
    auto handler = std::make_shared<RecordingHandler>();
    const CallId id = transport_.Start(std::move(request), handler);
    if (call != nullptr) *call = id;
    return handler;
  }

  const std::unique_ptr<World> world_ = GetParam().make();
  HttpTransport& transport_ = world_->transport();
};

// A body whose bytes come when the test gives them. Thread-safe.
class DripBody final : public HttpBody {
 public:
  explicit DripBody(uint64_t size_bytes) : size_bytes_(size_bytes) {}

  void Give(std::string_view bytes) {
    MutexLock lock(mutex_);
    bytes_ += bytes;
    if (on_ready_) on_ready_();
  }

  void Fail(absl::Status error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
    if (on_ready_) on_ready_();
  }

  // False when nobody has asked for more than there is within 20 seconds.
  bool WaitUntilStarved() {
    return WaitFor([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return is_starved_ && next_ == bytes_.size(); });
  }

  bool WaitUntilDropped() {
    return WaitFor([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return on_ready_ == nullptr; });
  }

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    MutexLock lock(mutex_);
    const size_t count = std::min(out.size(), bytes_.size() - next_);
    if (count == 0 && !error_.ok()) return error_;
    std::copy_n(std::as_bytes(std::span(bytes_)).begin() + static_cast<ptrdiff_t>(next_), count, out.begin());
    next_ += count;
    is_starved_ = count == 0;
    changed_.NotifyAll();
    return count;
  }

  void Rewind(std::function<void()> on_ready) override {
    MutexLock lock(mutex_);
    next_ = 0;
    is_starved_ = false;
    on_ready_ = std::move(on_ready);
    changed_.NotifyAll();
  }

 private:
  bool WaitFor(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (!holds()) {
      if (!changed_.WaitUntil(mutex_, deadline)) return holds();
    }
    return true;
  }

  const uint64_t size_bytes_;
  Mutex mutex_;
  CondVar changed_;
  std::string bytes_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_starved_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_ready_ ABSL_GUARDED_BY(mutex_);
};

FakeAnswer Body(std::string body) {
  FakeAnswer answer;
  answer.body = std::move(body);
  return answer;
}

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

TEST_P(HttpTransportContract, HandsOverHeadBodyAndOneEnd) {
  FakeAnswer answer = Body("hello");
  answer.headers = {{"X-Repo-Commit", "3f1c"}, {"ETag", "\"abc\""}};

  const auto handler = Fetch(world_->Serve("/file", answer));

  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_EQ(handler->head().status, 200);
  EXPECT_THAT(handler->head().Find("x-repo-commit"), Optional(Eq("3f1c")));
  EXPECT_THAT(handler->head().Find("ETAG"), Optional(Eq("\"abc\"")));
  EXPECT_EQ(handler->body(), "hello");
  EXPECT_EQ(handler->head_count(), 1);
  EXPECT_EQ(handler->done_count(), 1);
  EXPECT_THAT(handler->violations(), IsEmpty());
}

TEST_P(HttpTransportContract, HandsOverAnswersOfAnyStatusAndFollowsNoRedirect) {
  for (const int status : {204, 302, 307, 401, 404, 416, 429, 500, 503}) {
    FakeAnswer answer = Body(status == 204 ? "" : "words");
    answer.status = status;
    answer.headers = {{"Location", world_->NowhereUrl()}};

    const auto handler = Fetch(world_->Serve("/status", answer));

    EXPECT_THAT(handler->status(), IsOk()) << status;
    EXPECT_EQ(handler->head().status, status);
  }
}

TEST_P(HttpTransportContract, AnswersHeadWithoutABody) {
  const auto handler = Fetch(world_->Serve("/file", Body("hello")), HttpMethod::kHead);

  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_EQ(handler->head().status, 200);
  EXPECT_EQ(handler->body(), "");
}

TEST_P(HttpTransportContract, GivesAnEmptyBodyWithoutData) {
  const auto handler = Fetch(world_->Serve("/empty", Body("")));

  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_EQ(handler->body(), "");
  EXPECT_THAT(handler->violations(), IsEmpty());
}

TEST_P(HttpTransportContract, NamesACutBodyUnreachable) {
  FakeAnswer answer = Body(Pattern(100'000));
  answer.cut_after = 60'000;

  const auto handler = Fetch(world_->Serve("/cut", answer));

  EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_THAT(handler->status(), HasMessage(::testing::HasSubstr("60000 of 100000 bytes")));
  EXPECT_FALSE(NeverSent(handler->status()));
}

TEST_P(HttpTransportContract, NamesADeadAddressUnreachable) {
  const auto handler = Fetch(world_->NowhereUrl());

  EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_EQ(handler->head_count(), 0);
}

TEST_P(HttpTransportContract, RefusesUrlsAndHeadersThatCannotBeSent) {
  for (const char* url :
       {"", "hub", "ftp://hub.test/", "http://", "http://user:pw@hub.test/", "http://hub.test/a b"}) {
    const auto handler = Fetch(url);
    EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kInvalidArgument)) << url;
    EXPECT_THAT(handler->status(), HasReason(reason::kInvalidArgument)) << url;
    EXPECT_THAT(handler->status(), HasMessage(::testing::Not(::testing::HasSubstr("pw")))) << url;
  }
  HttpRequest forged;
  forged.url = world_->Serve("/file", Body("hello"));
  forged.bearer = Secret("hf_x\r\nX-Forged: 1");
  const auto handler = std::make_shared<RecordingHandler>();
  transport_.Start(forged, handler);
  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(HttpTransportContract, BoundsTheBody) {
  const std::string body = Pattern(200'000);
  for (const auto& [bound, is_ok] :
       {std::pair<uint64_t, bool>{199'999, false}, {200'000, true}, {0, false}}) {
    HttpRequest request;
    request.url = world_->Serve("/big", Body(body));
    request.max_body_bytes = bound;
    const auto handler = std::make_shared<RecordingHandler>();

    transport_.Start(std::move(request), handler);

    ASSERT_TRUE(handler->WaitUntilDone());
    EXPECT_EQ(handler->status().ok(), is_ok) << bound;
    EXPECT_EQ(handler->body().size(), bound);
    if (!is_ok) {
      EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kOutOfRange));
      EXPECT_THAT(handler->status(), HasReason(reason::kAnswerTooLarge));
    }
  }
}

TEST_P(HttpTransportContract, BoundsTheHead) {
  FakeAnswer many = Body("x");
  for (int i = 0; i < 400; ++i) many.headers.push_back({"X-Header-" + std::to_string(i), "value"});
  FakeAnswer wide = Body("x");
  for (int i = 0; i < 10; ++i) wide.headers.push_back({"X-Wide", std::string(8'000, 'w')});

  for (const FakeAnswer& answer : {many, wide}) {
    const auto handler = Fetch(world_->Serve("/bomb", answer));
    EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_THAT(handler->status(), HasReason(reason::kAnswerTooLarge));
    EXPECT_EQ(handler->head_count(), 0);
  }
}

TEST_P(HttpTransportContract, BringsTheSameBytesAgainAfterAPause) {
  const std::string body = Pattern(1'000'000);
  int asked = 0;
  const auto handler = std::make_shared<RecordingHandler>([&](const std::string&, std::string_view) {
    return ++asked % 3 == 0 ? DataResult::kPause : DataResult::kContinue;
  });

  const CallId call = Start(world_->Serve("/big", Body(body)), handler);
  int resumed = 0;
  while (!handler->is_done()) {
    ASSERT_TRUE(handler->WaitFor(
        [&](const RecordingHandler& h) { return h.is_done() || h.pause_count() > resumed; }));
    if (handler->pause_count() > resumed) {
      resumed = handler->pause_count();
      transport_.Resume(call);
    }
  }

  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_THAT(resumed, Ge(2));
  EXPECT_TRUE(handler->body() == body);
}

TEST_P(HttpTransportContract, StopsWithOkWhenTheHandlerHasEnough) {
  const auto handler = std::make_shared<RecordingHandler>(
      [](const std::string&, std::string_view) { return DataResult::kStop; });

  Start(world_->Serve("/big", Body(Pattern(5'000'000))), handler);

  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_LT(handler->body().size(), 5'000'000u);
  EXPECT_THAT(handler->violations(), IsEmpty());
}

TEST_P(HttpTransportContract, StopsWithOkAfterAPauseToo) {
  const auto handler =
      std::make_shared<RecordingHandler>([paused = false](const std::string&, std::string_view) mutable {
        return std::exchange(paused, true) ? DataResult::kStop : DataResult::kPause;
      });

  const CallId call = Start(world_->Serve("/big", Body(Pattern(5'000'000))), handler);
  ASSERT_TRUE(handler->WaitFor([](const RecordingHandler& h) { return h.pause_count() == 1; }));
  transport_.Resume(call);

  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_THAT(handler->violations(), IsEmpty());
}

TEST_P(HttpTransportContract, CancelsWhatHasNoAnswerYet) {
  FakeAnswer answer = Body("late");
  answer.is_held = true;
  const auto handler = std::make_shared<RecordingHandler>();

  const CallId call = Start(world_->Serve("/held", answer), handler);
  transport_.Cancel(call);
  transport_.Cancel(call);

  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(handler->status(), HasReason(reason::kCancelled));
  EXPECT_EQ(handler->head_count(), 0);
  EXPECT_EQ(handler->done_count(), 1);
}

TEST_P(HttpTransportContract, CancelsWhatIsPaused) {
  const auto handler = std::make_shared<RecordingHandler>(
      [](const std::string&, std::string_view) { return DataResult::kPause; });

  const CallId call = Start(world_->Serve("/big", Body(Pattern(100'000))), handler);
  ASSERT_TRUE(handler->WaitFor([](const RecordingHandler& h) { return h.pause_count() == 1; }));
  transport_.Cancel(call);

  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(handler->body(), "");
}

TEST_P(HttpTransportContract, SendsABodyPieceByPieceAndTellsHowFarItIs) {
  const std::string url = world_->Serve("/up", Body("ok"));
  for (const size_t size : {size_t{0}, size_t{5}, size_t{3'000'000}}) {
    const auto handler = Send(url, std::make_shared<MemoryBody>(Pattern(size)));

    ASSERT_TRUE(handler->WaitUntilDone());
    EXPECT_THAT(handler->status(), IsOk());
    EXPECT_EQ(handler->body(), "ok");
    EXPECT_TRUE(world_->SentBody() == Pattern(size)) << size;
    EXPECT_EQ(handler->sent(), size);
    EXPECT_THAT(handler->violations(), IsEmpty());
  }
}

TEST_P(HttpTransportContract, BeginsABodyThatWasSentBeforeAtItsFront) {
  const std::string url = world_->Serve("/up", Body("ok"));
  const auto body = std::make_shared<MemoryBody>(Pattern(100'000));

  for (int i = 0; i < 2; ++i) {
    const auto handler = Send(url, body);
    ASSERT_TRUE(handler->WaitUntilDone());
    EXPECT_TRUE(world_->SentBody() == Pattern(100'000));
  }
}

TEST_P(HttpTransportContract, WaitsForABodyOfWhichThereIsNothingAtHand) {
  const std::string bytes = Pattern(200'000);
  const auto body = std::make_shared<DripBody>(bytes.size());
  const auto handler = Send(world_->Serve("/up", Body("ok")), body);

  for (size_t at = 0; at < bytes.size(); at += 50'000) {
    ASSERT_TRUE(body->WaitUntilStarved());
    EXPECT_FALSE(handler->is_done());
    body->Give(bytes.substr(at, 50'000));
  }

  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_TRUE(world_->SentBody() == bytes);
  EXPECT_TRUE(body->WaitUntilDropped());
}

TEST_P(HttpTransportContract, EndsWithTheErrorOfABody) {
  const auto body = std::make_shared<DripBody>(100'000);
  const auto handler = Send(world_->Serve("/up", Body("ok")), body);
  ASSERT_TRUE(body->WaitUntilStarved());
  body->Give(Pattern(60'000));

  body->Fail(MakeError(absl::StatusCode::kAborted, reason::kFileChanged, "it has become shorter"));

  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(handler->status(), HasReason(reason::kFileChanged));
  EXPECT_EQ(handler->head_count(), 0);
  EXPECT_TRUE(body->WaitUntilDropped());
}

TEST_P(HttpTransportContract, CancelsWhatWaitsForItsBody) {
  const auto body = std::make_shared<DripBody>(100'000);
  CallId call = 0;
  const auto handler = Send(world_->Serve("/up", Body("ok")), body, &call);
  ASSERT_TRUE(body->WaitUntilStarved());

  transport_.Cancel(call);

  ASSERT_TRUE(handler->WaitUntilDone());
  EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(body->WaitUntilDropped());
  body->Give(Pattern(100'000));
}

TEST_P(HttpTransportContract, IgnoresCallsThatItDoesNotKnow) {
  transport_.Cancel(987'654);
  transport_.Resume(987'654);
  const auto handler = Fetch(world_->Serve("/file", Body("hello")));
  transport_.Cancel(1);
  transport_.Resume(1);
  EXPECT_EQ(Fetch(world_->Serve("/file", Body("again")))->body(), "again");
  EXPECT_EQ(handler->done_count(), 1);
}

TEST_P(HttpTransportContract, LetsAnswersComeInAnyOrder) {
  FakeAnswer held = Body("slow");
  held.is_held = true;
  const std::string slow = world_->Serve("/slow", held);
  const auto first = std::make_shared<RecordingHandler>();
  Start(slow, first);

  const auto second = Fetch(world_->Serve("/fast", Body("fast")));
  EXPECT_EQ(second->body(), "fast");
  EXPECT_FALSE(first->is_done());
  world_->Release(slow);

  ASSERT_TRUE(first->WaitUntilDone());
  EXPECT_EQ(first->body(), "slow");
}

TEST_P(HttpTransportContract, RunsManyCallsAtOnce) {
  const std::string url = world_->Serve("/file", Body(Pattern(10'000)));
  std::vector<std::shared_ptr<RecordingHandler>> handlers;
  for (int i = 0; i < 300; ++i) {
    handlers.push_back(std::make_shared<RecordingHandler>());
    Start(url, handlers.back());
  }
  for (const auto& handler : handlers) {
    ASSERT_TRUE(handler->WaitUntilDone());
    EXPECT_THAT(handler->status(), IsOk());
    EXPECT_TRUE(handler->body() == Pattern(10'000));
  }
}

TEST_P(HttpTransportContract, LetsAHandlerCallBackIntoTheTransport) {
  // Starts the next request from inside the end of this one.
  class Chain final : public HttpHandler {
   public:
    Chain(HttpTransport& transport, std::string url, std::shared_ptr<HttpHandler> last)
        : transport_(transport), url_(std::move(url)), last_(std::move(last)) {}

    void OnHead(const HttpHead&) override {}

    DataResult OnData(std::span<const std::byte>) override { return DataResult::kContinue; }

    void OnDone(const absl::Status&) override {
      HttpRequest request;
      request.url = url_;
      const CallId next = transport_.Start(request, last_);
      transport_.Resume(next);
      transport_.Cancel(next + 1000);
    }

   private:
    HttpTransport& transport_;
    const std::string url_;
    const std::shared_ptr<HttpHandler> last_;
  };

  const auto last = std::make_shared<RecordingHandler>();
  const std::string url = world_->Serve("/file", Body("hello"));
  Start(url, std::make_shared<Chain>(transport_, url, last));

  ASSERT_TRUE(last->WaitUntilDone());
  EXPECT_EQ(last->body(), "hello");
}

INSTANTIATE_TEST_SUITE_P(
    Both, HttpTransportContract,
    ::testing::Values(WorldKind{"Curl", [] { return std::unique_ptr<World>(std::make_unique<CurlWorld>()); }},
                      WorldKind{"Fake",
                                [] { return std::unique_ptr<World>(std::make_unique<FakeWorld>()); }}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace batuta::transport
