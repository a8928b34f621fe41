#include "daemon/budget/budgeted_transport.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/budget/window_ledger.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"
#include "tests/support/transport/fake_transport.h"
#include "tests/support/transport/recording_handler.h"
#include "tests/unit/daemon/budget/simulated_hub.h"

namespace batuta::budget {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;
using ::testing::Property;
using ::testing::SizeIs;
using transport::CallId;
using transport::DataResult;
using transport::HttpMethod;
using transport::HttpRequest;
using HandlerPtr = std::shared_ptr<RecordingHandler>;

constexpr char kHub[] = "https://hub.test";
constexpr char kApi[] = "https://hub.test/api/models/a/b";
constexpr char kFile[] = "https://cdn.test/weights";

class BudgetedTransportTest : public ::testing::Test {
 protected:
  BudgetedTransportTest() { Restart(); }

  ~BudgetedTransportTest() override {
    budget_.reset();
    core_.RunUntilIdle();
  }

  void Restart() {
    budget_.reset();
    core_.RunUntilIdle();
    BudgetOptions options;
    options.endpoint = kHub;
    options.salt = "salt";
    options.max_waiting = max_waiting_;
    options.random = [] { return 0.5; };
    budget_ = BudgetedTransport::Create(options, inner_, core_, core_.clock(), store_);
  }

  void Simulate(SimulatedHub::Options options) {
    hub_ = std::make_unique<SimulatedHub>(std::move(options), core_.clock());
    inner_.Otherwise([this](const HttpRequest& request) { return hub_->Answer(request); });
  }

  static HttpRequest Get(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    return request;
  }

  HandlerPtr Start(HttpRequest request) {
    auto handler = std::make_shared<RecordingHandler>();
    last_ = budget_->Start(std::move(request), handler);
    return handler;
  }

  HandlerPtr Start(std::string url = kApi) { return Start(Get(std::move(url))); }

  std::vector<HandlerPtr> StartMany(int count, const Principal& principal = {},
                                    Priority priority = Priority::kNormal) {
    std::vector<HandlerPtr> handlers;
    for (int i = 0; i < count; ++i) {
      HttpRequest request = Get(kApi);
      request.principal = principal;
      request.priority = priority;
      handlers.push_back(Start(request));
    }
    return handlers;
  }

  static size_t CountDone(const std::vector<HandlerPtr>& handlers) {
    return static_cast<size_t>(
        std::count_if(handlers.begin(), handlers.end(), [](const auto& h) { return h->is_done(); }));
  }

  WindowView View(WindowKind kind, const std::string& identity = "anonymous") {
    for (const WindowView& view : budget_->Windows()) {
      if (view.kind == kind && view.identity == identity) return view;
    }
    ADD_FAILURE() << "no such window";
    return {};
  }

  // Everything in the catalog, keys and values.
  std::string Catalog() {
    std::string all;
    EXPECT_THAT(store_.Scan(metadata::Table::kWindows, "",
                            [&](std::string_view key, std::string_view value) {
                              all.append(key).append("=").append(value).append("\n");
                              return true;
                            }),
                IsOk());
    return all;
  }

  size_t max_waiting_ = 10'000;
  ManualTaskRunner core_;
  FakeTransport inner_{&core_};
  metadata::FakeMetadataStore store_;
  std::unique_ptr<SimulatedHub> hub_;
  std::unique_ptr<BudgetedTransport> budget_;
  CallId last_ = 0;
};

TEST_F(BudgetedTransportTest, PassesAnAnswerThroughAndLearnsFromIt) {
  inner_.On(kApi).Reply(
      200,
      {{"RateLimit", "\"api\";r=489;t=189"}, {"RateLimit-Policy", "\"fixed window\";\"api\";q=500;w=300"}},
      "{}");
  const HandlerPtr handler = Start();
  core_.RunUntilIdle();

  EXPECT_THAT(handler->status(), IsOk());
  EXPECT_EQ(handler->body(), "{}");
  EXPECT_THAT(handler->violations(), IsEmpty());
  const WindowView view = View(WindowKind::kApi);
  EXPECT_EQ(view.endpoint, kHub);
  EXPECT_EQ(view.state.quota, 500u);
  EXPECT_EQ(view.state.remaining, 489u);
  EXPECT_EQ(view.state.resets_at, core_.clock().wall() + seconds(190));
  EXPECT_TRUE(view.state.learned);
}

TEST_F(BudgetedTransportTest, NeverExceedsTheQuotaWhateverTheBurst) {
  for (const uint64_t quota : {1u, 3u, 16u, 17u, 50u, 200u}) {
    Simulate({.quota = quota, .window = seconds(60)});
    Restart();
    const int count = static_cast<int>(quota) * 4 + 3;
    const auto handlers = StartMany(count, {}, Priority::kInteractive);
    core_.AdvanceAndRunUntilIdle(minutes(7));
    EXPECT_EQ(CountDone(handlers), handlers.size()) << quota;
    EXPECT_EQ(hub_->served(), static_cast<uint64_t>(count)) << quota;
    // What runs ahead of the first answer of a window is the price of not knowing.
    EXPECT_LE(hub_->refused(),
              quota < WindowLedger::kUnheardInFlight ? 5 * WindowLedger::kUnheardInFlight : 0)
        << quota;
    core_.AdvanceAndRunUntilIdle(minutes(5));
  }
}

TEST_F(BudgetedTransportTest, GivesWayToOthersWithTheSameAddress) {
  Simulate({.quota = 100, .window = seconds(60)});
  const auto handlers = StartMany(300);
  for (int i = 0; i < 60; ++i) {
    hub_->SpendElsewhere(3);
    core_.AdvanceAndRunUntilIdle(seconds(10));
  }
  EXPECT_EQ(CountDone(handlers), handlers.size());
  EXPECT_LE(hub_->refused(), 10u);
}

TEST_F(BudgetedTransportTest, HidesA429FromTheHandlerAndTellsItToWait) {
  for (const auto& headers :
       std::vector<std::vector<transport::HttpHeader>>{{{"RateLimit", "\"api\";r=0;t=29"}},
                                                       {{"Retry-After", "30"}},
                                                       {{"Retry-After", "Mon, 02 Nov 2026 08:16:00 GMT"}}}) {
    FakeTransport inner(&core_);
    core_.clock().SetWall(FromUnixMillis(1'793'607'330'000));
    inner.On(kApi).Reply(429, headers, "slow down").ThenServe("{}");
    metadata::FakeMetadataStore store;
    BudgetOptions options;
    options.endpoint = kHub;
    options.random = [] { return 0.0; };
    const auto budget = BudgetedTransport::Create(options, inner, core_, core_.clock(), store);
    const auto handler = std::make_shared<RecordingHandler>();
    budget->Start(Get(kApi), handler);
    core_.RunUntilIdle();

    EXPECT_EQ(handler->head_count(), 0);
    ASSERT_THAT(handler->waits(), SizeIs(1));
    EXPECT_EQ(handler->waits()[0].reason, "rate limit");
    EXPECT_EQ(handler->waits()[0].window, "api of anonymous at https://hub.test");
    EXPECT_EQ(handler->waits()[0].until, core_.clock().wall() + seconds(30));
    core_.AdvanceAndRunUntilIdle(seconds(30) - milliseconds(1));
    EXPECT_EQ(inner.RequestCount(kApi), 1u);
    core_.AdvanceAndRunUntilIdle(milliseconds(1));

    EXPECT_THAT(handler->status(), IsOk());
    EXPECT_EQ(handler->head().status, 200);
    EXPECT_EQ(handler->body(), "{}");
    EXPECT_THAT(handler->violations(), IsEmpty());
  }
}

TEST_F(BudgetedTransportTest, SendsThePostAgainWithItsBodyAfterA429) {
  inner_.On(kApi).Reply(429).ThenReply(200, {}, "ok");
  HttpRequest request = Get(kApi);
  request.method = HttpMethod::kPost;
  request.body = "payload";
  request.bearer = Secret("hf_canary");
  const HandlerPtr handler = Start(request);
  core_.AdvanceAndRunUntilIdle(seconds(5));
  EXPECT_EQ(handler->body(), "ok");
  ASSERT_THAT(inner_.Requests(), SizeIs(2));
  EXPECT_EQ(inner_.Requests()[1].body, "payload");
  EXPECT_EQ(inner_.Requests()[1].bearer, Secret("hf_canary"));
}

TEST_F(BudgetedTransportTest, WaitsOutABusyHubOnlyWhereNothingCanHappenTwice) {
  inner_.On(kApi).Reply(503, {{"Retry-After", "10"}}, "busy").ThenServe("{}");
  const HandlerPtr get = Start();
  core_.RunUntilIdle();
  ASSERT_THAT(get->waits(), SizeIs(1));
  EXPECT_EQ(get->waits()[0].reason, "the hub is busy");
  core_.AdvanceAndRunUntilIdle(seconds(11));
  EXPECT_EQ(get->head().status, 200);

  const std::string commit = "https://hub.test/api/models/a/b/commit/main";
  inner_.On(commit).Reply(503, {{"Retry-After", "10"}}, "busy");
  HttpRequest request = Get(commit);
  request.method = HttpMethod::kPost;
  const HandlerPtr post = Start(request);
  core_.RunUntilIdle();
  EXPECT_EQ(post->head().status, 503);
  EXPECT_TRUE(View(WindowKind::kApi).state.closed);

  inner_.On("https://hub.test/api/down").Reply(503, {}, "down");
  core_.AdvanceAndRunUntilIdle(seconds(20));
  const HandlerPtr down = Start("https://hub.test/api/down");
  core_.RunUntilIdle();
  EXPECT_EQ(down->head().status, 503);  // no Retry-After: the caller's own affair
}

TEST_F(BudgetedTransportTest, DoesNotRushInWhenTheWindowReopens) {
  Simulate({.quota = 400, .window = seconds(60), .latency = milliseconds(300)});
  hub_->SpendElsewhere(400);
  const auto handlers = StartMany(200);
  core_.AdvanceAndRunUntilIdle(seconds(59));
  const size_t before = inner_.RequestCount();
  EXPECT_THAT(before, Le(16u));
  while (inner_.RequestCount() == before) core_.AdvanceAndRunUntilIdle(milliseconds(10));
  core_.AdvanceAndRunUntilIdle(milliseconds(90));
  EXPECT_THAT(inner_.RequestCount() - before, Le(6u));
  core_.AdvanceAndRunUntilIdle(minutes(1));
  EXPECT_EQ(CountDone(handlers), handlers.size());
  EXPECT_THAT(hub_->refused(), Le(16u));
}

TEST_F(BudgetedTransportTest, FailsAtOnceWhenTheCallerMayNotWait) {
  inner_.On(kApi).Reply(429, {{"Retry-After", "30"}}).ThenServe("{}");
  HttpRequest request = Get(kApi);
  request.may_wait = false;
  const HandlerPtr first = Start(request);
  core_.RunUntilIdle();
  const HandlerPtr second = Start(request);
  core_.RunUntilIdle();

  for (const HandlerPtr& handler : {first, second}) {
    EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kResourceExhausted));
    EXPECT_THAT(handler->status(), HasReason(reason::kHubRateLimited));
    EXPECT_THAT(handler->status(), HasMessage(HasSubstr("api of anonymous at https://hub.test")));
    EXPECT_THAT(RetryAfterOf(handler->status()), ::testing::Optional(Ge(seconds(30))));
    EXPECT_EQ(handler->head_count(), 0);
    EXPECT_THAT(handler->waits(), IsEmpty());
  }
  EXPECT_EQ(inner_.RequestCount(), 1u);
}

TEST_F(BudgetedTransportTest, ServesTheFewOfOneBesideTheManyOfAnother) {
  Simulate({.quota = 40, .window = seconds(60), .latency = milliseconds(10)});
  const auto many = StartMany(1'000, {1000, "train"});
  const auto few = StartMany(3, {1000, "serve"});
  core_.AdvanceAndRunUntilIdle(seconds(5));
  EXPECT_EQ(CountDone(few), 3u);
  EXPECT_LE(CountDone(many), 37u);
}

TEST_F(BudgetedTransportTest, KeepsAShareForInteractiveCallers) {
  Simulate({.quota = 50, .window = seconds(60)});
  const auto batch = StartMany(500, {1000, "train"});
  core_.AdvanceAndRunUntilIdle(seconds(30));
  EXPECT_EQ(CountDone(batch), 45u);
  const auto people = StartMany(5, {1000, "shell"}, Priority::kInteractive);
  core_.AdvanceAndRunUntilIdle(seconds(2));
  EXPECT_EQ(CountDone(people), 5u);
  EXPECT_EQ(hub_->refused(), 0u);
}

TEST_F(BudgetedTransportTest, SendsNothingAfterARestartInsideAClosedWindow) {
  inner_.On(kApi).Reply(429, {{"RateLimit", "\"api\";r=0;t=100"}}).ThenServe("{}");
  Start();
  core_.RunUntilIdle();
  ASSERT_EQ(inner_.RequestCount(), 1u);
  Restart();
  const HandlerPtr handler = Start();
  core_.AdvanceAndRunUntilIdle(seconds(100));
  EXPECT_EQ(inner_.RequestCount(), 1u);
  EXPECT_THAT(handler->waits(), SizeIs(1));
  core_.AdvanceAndRunUntilIdle(seconds(2));
  EXPECT_THAT(handler->status(), IsOk());
}

TEST_F(BudgetedTransportTest, RemembersQuotaAndCountOverARestart) {
  inner_.On(kApi).Reply(200,
                        {{"RateLimit", "\"api\";r=70;t=200"}, {"RateLimit-Policy", "\"api\";q=2500;w=300"}});
  Start();
  core_.AdvanceAndRunUntilIdle(seconds(2));
  Restart();
  EXPECT_EQ(View(WindowKind::kApi).state.quota, 2'500u);
  EXPECT_EQ(View(WindowKind::kApi).state.remaining, 70u);
  EXPECT_TRUE(View(WindowKind::kApi).state.learned);
}

TEST_F(BudgetedTransportTest, WritesTheCatalogAtMostOnceASecondAndAtEveryRefusal) {
  Simulate({.quota = 10'000, .window = seconds(60), .latency = milliseconds(1)});
  StartMany(3'000);
  core_.AdvanceAndRunUntilIdle(milliseconds(3'500));
  EXPECT_THAT(store_.writes(metadata::Durability::kProcess), Le(4u));
  EXPECT_EQ(store_.writes(metadata::Durability::kPower), 0u);
}

TEST_F(BudgetedTransportTest, NeitherFreezesNorFloodsWhenTheWallClockJumps) {
  for (const Duration jump :
       {Duration(hours(24 * 365)), Duration(-hours(24 * 365)), Duration(hours(1)), Duration(-hours(1))}) {
    const std::string url = "https://hub.test/api/jump" + std::to_string(jump.count());
    inner_.On(url).Reply(429, {{"Retry-After", "30"}}).ThenServe("{}");
    const HandlerPtr handler = Start(url);
    core_.RunUntilIdle();
    core_.clock().SetWall(core_.clock().wall() + std::chrono::duration_cast<WallTime::duration>(jump));
    core_.AdvanceAndRunUntilIdle(seconds(29));
    EXPECT_EQ(inner_.RequestCount(url), 1u);
    core_.AdvanceAndRunUntilIdle(seconds(2));
    EXPECT_THAT(handler->status(), IsOk());
  }
}

TEST_F(BudgetedTransportTest, WaitsNoLongerThanAnnouncedWhenTheWallClockWentBackBeforeARestart) {
  inner_.On(kApi).Reply(429, {{"Retry-After", "100"}}).ThenServe("{}");
  Start();
  core_.RunUntilIdle();
  core_.clock().SetWall(core_.clock().wall() - hours(24 * 30));
  Restart();
  const HandlerPtr handler = Start();
  core_.AdvanceAndRunUntilIdle(seconds(102));
  EXPECT_THAT(handler->status(), IsOk());
}

TEST_F(BudgetedTransportTest, CancelsInEveryPhase) {
  inner_.On(kApi).Reply(429, {{"Retry-After", "30"}});
  const std::string held = "https://hub.test/api/held";
  inner_.On(held).Serve("x").Held();

  const HandlerPtr unsent = Start();
  budget_->Cancel(last_);
  const HandlerPtr on_wire = Start(held);
  const CallId on_wire_id = last_;
  core_.RunUntilIdle();
  budget_->Cancel(on_wire_id);
  core_.RunUntilIdle();
  const HandlerPtr waiting = Start();
  const CallId waiting_id = last_;
  core_.RunUntilIdle();
  ASSERT_FALSE(waiting->is_done());
  budget_->Cancel(waiting_id);
  budget_->Cancel(waiting_id);
  core_.RunUntilIdle();
  const HandlerPtr elsewhere = Start(kFile);
  budget_->Cancel(last_);
  budget_->Cancel(123'456);
  budget_->Resume(123'456);
  core_.AdvanceAndRunUntilIdle(minutes(5));

  for (const HandlerPtr& handler : {unsent, on_wire, waiting, elsewhere}) {
    EXPECT_EQ(handler->done_count(), 1);
    EXPECT_THAT(handler->status(), StatusIs(absl::StatusCode::kCancelled));
    EXPECT_THAT(handler->status(), HasReason(reason::kCancelled));
  }
  EXPECT_EQ(inner_.RunningCount(), 0u);
}

TEST_F(BudgetedTransportTest, CancelsARefusedRequestOnItsWayBack) {
  ManualTaskRunner wire(&core_.clock());
  FakeTransport inner(&wire);
  inner.On(kApi).Reply(429, {{"Retry-After", "30"}}, std::string(100'000, 'x'));
  BudgetOptions options;
  options.endpoint = kHub;
  const auto budget = BudgetedTransport::Create(options, inner, core_, core_.clock(), store_);
  const auto handler = std::make_shared<RecordingHandler>();
  const CallId call = budget->Start(Get(kApi), handler);
  core_.RunUntilIdle();

  budget->Cancel(call);  // the core sequence hears of it first, while the refusal is already behind the wire
  wire.RunUntilIdle();
  core_.RunUntilIdle();

  EXPECT_EQ(handler->done_count(), 1);
  EXPECT_THAT(handler->status(), HasReason(reason::kCancelled));
  EXPECT_EQ(handler->head_count(), 0);
  core_.AdvanceAndRunUntilIdle(minutes(1));
  EXPECT_EQ(inner.RequestCount(), 1u);
}

TEST_F(BudgetedTransportTest, ShowsAnAnswerThatComesAfterTheBudgetIsGone) {
  ManualTaskRunner wire(&core_.clock());
  FakeTransport inner(&wire);
  inner.On(kApi).Reply(429, {{"Retry-After", "30"}}, "slow down");
  BudgetOptions options;
  options.endpoint = kHub;
  auto budget = BudgetedTransport::Create(options, inner, core_, core_.clock(), store_);
  const auto handler = std::make_shared<RecordingHandler>();
  budget->Start(Get(kApi), handler);
  core_.RunUntilIdle();
  budget.reset();
  core_.RunUntilIdle();
  wire.RunUntilIdle();
  EXPECT_EQ(handler->head().status, 429);  // nobody is left to wait and to send it again
  EXPECT_THAT(handler->status(), IsOk());
}

TEST_F(BudgetedTransportTest, PassesOtherOriginsAtOnceWhateverTheWindows) {
  inner_.On(kApi).Reply(429, {{"Retry-After", "300"}});
  inner_.On(kFile).Reply(429, {{"Retry-After", "300"}}).ThenServe("weights");
  Start();
  core_.RunUntilIdle();
  const HandlerPtr refused = Start(kFile);
  EXPECT_EQ(inner_.RequestCount(kFile), 1u);  // before the core sequence has run
  core_.RunUntilIdle();
  EXPECT_EQ(refused->head().status, 429);  // the CDN has no window of ours
  const HandlerPtr served = Start(kFile);
  core_.RunUntilIdle();
  EXPECT_EQ(served->body(), "weights");
}

TEST_F(BudgetedTransportTest, ForwardsPauseAndResume) {
  for (const char* url : {kFile, "https://hub.test/a/b/resolve/main/small.json"}) {
    inner_.On(url).Serve("0123456789").InPieces(4);
    const auto handler =
        std::make_shared<RecordingHandler>([again = false](const std::string&, std::string_view) mutable {
          return std::exchange(again, !again) ? DataResult::kContinue : DataResult::kPause;
        });
    const CallId call = budget_->Start(Get(url), handler);
    for (int pauses = 1; pauses <= 3; ++pauses) {
      core_.RunUntilIdle();
      EXPECT_EQ(handler->pause_count(), pauses);
      budget_->Resume(call);
    }
    core_.RunUntilIdle();
    EXPECT_THAT(handler->status(), IsOk());
    EXPECT_EQ(handler->body(), "0123456789");
  }
}

TEST_F(BudgetedTransportTest, CountsTokensApartAndKeepsThemSecret) {
  Simulate({.quota = 20, .window = seconds(60)});
  std::vector<HandlerPtr> handlers;
  for (int i = 0; i < 30; ++i) {
    HttpRequest request = Get(kApi);
    request.priority = Priority::kInteractive;
    if (i % 2 == 0) request.bearer = Secret("hf_canary");
    handlers.push_back(Start(request));
  }
  core_.AdvanceAndRunUntilIdle(seconds(10));
  EXPECT_EQ(CountDone(handlers), 30u);

  const std::string identity = budget_->IdentityOf(Secret("hf_canary"));
  EXPECT_EQ(View(WindowKind::kApi, identity).state.remaining, 5u);
  EXPECT_EQ(View(WindowKind::kApi).state.remaining, 5u);
  EXPECT_THAT(Catalog(), HasSubstr(identity));
  EXPECT_THAT(Catalog() + identity, Not(HasSubstr("canary")));
}

TEST_F(BudgetedTransportTest, BeginsWithThePublishedQuotas) {
  EXPECT_EQ(View(WindowKind::kApi).state.quota, 500u);
  EXPECT_EQ(View(WindowKind::kResolvers).state.quota, 3'000u);
  EXPECT_EQ(View(WindowKind::kPages).state.quota, 100u);
  EXPECT_FALSE(View(WindowKind::kApi).state.learned);
  HttpRequest request = Get(kApi);
  request.bearer = Secret("hf_x");
  Start(request);
  core_.RunUntilIdle();
  EXPECT_EQ(View(WindowKind::kApi, budget_->IdentityOf(Secret("hf_x"))).state.quota, 1'000u);
}

TEST_F(BudgetedTransportTest, BoundsWhatIsHeldBack) {
  max_waiting_ = 10;
  Restart();
  inner_.On(kApi).Reply(429, {{"Retry-After", "30"}});
  Start();
  core_.RunUntilIdle();
  const auto held = StartMany(9);
  core_.RunUntilIdle();
  EXPECT_EQ(View(WindowKind::kApi).waiting, 10u);
  const HandlerPtr surplus = Start();
  core_.RunUntilIdle();
  EXPECT_THAT(surplus->status(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(surplus->status(), HasReason(reason::kDaemonBusy));
  EXPECT_EQ(CountDone(held), 0u);
}

TEST_F(BudgetedTransportTest, GoesOnWhateverTheHeadersSay) {
  const char* const lies[] = {"\"api\";r=99999999999999999999;t=99999999999999999999",
                              "\"api\";r=0;t=1000000000",
                              "\"api\";r=-1;t=-1",
                              "\"api\";r=5;t=0",
                              "\"unheard-of\";r=0;t=500",
                              "\"resolvers\";r=0;t=1",
                              ";;;\"",
                              ""};
  for (const char* lie : lies) {
    for (const int status : {200, 429}) {
      const std::string url = "https://hub.test/api/lie";
      FakeTransport inner(&core_);
      inner.On(url)
          .Reply(status, {{"RateLimit", lie}, {"RateLimit-Policy", "q=-5;w=0"}})
          .ThenReply(200, {}, "ok");
      metadata::FakeMetadataStore store;
      BudgetOptions options;
      options.endpoint = kHub;
      const auto budget = BudgetedTransport::Create(options, inner, core_, core_.clock(), store);
      const auto first = std::make_shared<RecordingHandler>();
      const auto second = std::make_shared<RecordingHandler>();
      budget->Start(Get(url), first);
      core_.AdvanceAndRunUntilIdle(seconds(1));
      budget->Start(Get(url), second);
      core_.AdvanceAndRunUntilIdle(minutes(6));
      EXPECT_THAT(first->status(), IsOk()) << lie << status;
      EXPECT_THAT(second->status(), IsOk()) << lie << status;
    }
  }
}

TEST_F(BudgetedTransportTest, HandsOnAFailureAndCountsItOnlyIfItMayHaveArrived) {
  inner_.On(kApi).Reply(200, {{"RateLimit", "\"api\";r=400;t=200"}});
  Start();
  core_.RunUntilIdle();
  const absl::Status lost = MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "lost");
  inner_.On("https://hub.test/api/lost").Fail(lost);
  inner_.On("https://hub.test/api/nowhere").Fail(transport::MarkNeverSent(lost));
  EXPECT_EQ(View(WindowKind::kApi).state.remaining, 400u);
  const HandlerPtr nowhere = Start("https://hub.test/api/nowhere");
  core_.RunUntilIdle();
  EXPECT_EQ(View(WindowKind::kApi).state.remaining, 400u);
  const HandlerPtr handler = Start("https://hub.test/api/lost");
  core_.RunUntilIdle();
  EXPECT_EQ(View(WindowKind::kApi).state.remaining, 399u);
  EXPECT_THAT(handler->status(), HasReason(reason::kHubUnreachable));
  EXPECT_THAT(nowhere->status(), HasReason(reason::kHubUnreachable));
}

TEST_F(BudgetedTransportTest, TellsObserversAtMostFourTimesASecond) {
  Simulate({.quota = 10'000, .window = seconds(60), .latency = milliseconds(1)});
  int told = 0;
  int other = 0;
  const uint64_t id = budget_->Observe([&] { ++told; });
  const uint64_t gone = budget_->Observe([&] { ++other; });
  budget_->Unobserve(gone);
  for (int i = 0; i < 100; ++i) {
    StartMany(5);
    core_.AdvanceAndRunUntilIdle(milliseconds(20));
  }
  EXPECT_THAT(told, ::testing::AllOf(Ge(7), Le(9)));
  EXPECT_EQ(other, 0);
  budget_->Unobserve(id);
  Start();
  const int before = told;
  core_.AdvanceAndRunUntilIdle(seconds(2));
  EXPECT_EQ(told, before);
}

TEST_F(BudgetedTransportTest, EndsWhatItHoldsBackWhenItGoes) {
  inner_.On(kApi).Reply(429, {{"Retry-After", "30"}});
  const std::string held = "https://hub.test/api/held";
  inner_.On(held).Serve("late").Held();
  const HandlerPtr waiting = Start();
  const HandlerPtr on_wire = Start(held);
  core_.RunUntilIdle();
  budget_.reset();
  core_.RunUntilIdle();
  EXPECT_THAT(waiting->status(), HasReason(reason::kCancelled));
  EXPECT_FALSE(on_wire->is_done());
  inner_.Release(held);
  core_.RunUntilIdle();
  EXPECT_EQ(on_wire->body(), "late");
}

TEST_F(BudgetedTransportTest, WorksOnWithACatalogThatFails) {
  store_.FailReads(absl::UnavailableError("disk"), 1'000);
  store_.FailWrites(absl::UnavailableError("disk"), 1'000);
  Restart();
  inner_.On(kApi).Reply(429, {{"Retry-After", "3"}}).ThenServe("{}");
  const HandlerPtr handler = Start();
  core_.AdvanceAndRunUntilIdle(seconds(5));
  EXPECT_THAT(handler->status(), IsOk());
}

TEST_F(BudgetedTransportTest, DropsRowsThatItCannotRead) {
  ASSERT_THAT(metadata::Put(store_, metadata::Table::kWindows, "https://hub.test\nanonymous\napi", "{broken",
                            metadata::Durability::kProcess),
              IsOk());
  ASSERT_THAT(metadata::Put(store_, metadata::Table::kWindows, "https://other.test\nanonymous\napi",
                            "{broken", metadata::Durability::kProcess),
              IsOk());
  Restart();
  EXPECT_EQ(View(WindowKind::kApi).state.quota, 500u);
  EXPECT_EQ(Catalog(), "https://other.test\nanonymous\napi={broken\n");  // another hub's is not ours to judge
}

TEST(BudgetedTransportThreadsTest, EndsEveryCallOnceWhicheverThreadsMeddle) {
  const auto core = Sequence::Start("core");
  const auto wire = Sequence::Start("wire");
  FakeTransport inner(wire.get());
  std::atomic<int> count = 0;
  inner.Otherwise([&](const HttpRequest&) {
    FakeAnswer answer;
    answer.status = ++count % 50 == 0 ? 429 : 200;
    if (answer.status == 429) answer.headers = {{"Retry-After", "0"}};
    answer.body = std::string(50'000, 'x');
    return answer;
  });
  metadata::FakeMetadataStore store;
  const SystemClock clock;
  BudgetOptions options;
  options.endpoint = kHub;
  auto budget = BudgetedTransport::Create(options, inner, *core, clock, store);
  std::vector<std::vector<HandlerPtr>> handlers(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < handlers.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        HttpRequest request;
        request.url = i % 3 == 0 ? kFile : kApi;
        request.priority = static_cast<Priority>(i % 3);
        handlers[t].push_back(std::make_shared<RecordingHandler>());
        const CallId call = budget->Start(request, handlers[t].back());
        budget->Resume(call);
        if (i % 7 == 0) budget->Cancel(call);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& of_thread : handlers) {
    for (const HandlerPtr& handler : of_thread) {
      EXPECT_TRUE(handler->WaitUntilDone());
      EXPECT_EQ(handler->done_count(), 1);
      EXPECT_THAT(handler->violations(), IsEmpty());
    }
  }
  budget.reset();
  wire->Stop();
  core->Stop();
}

}  // namespace
}  // namespace batuta::budget
