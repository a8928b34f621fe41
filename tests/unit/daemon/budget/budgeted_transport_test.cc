#include "daemon/budget/budgeted_transport.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/status/status.h"
#include "daemon/budget/window_ledger.h"
#include "tests/unit/daemon/budget/budgeted_transport_fixture.h"

namespace batuta::budget {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;
using transport::CallId;
using transport::DataResult;
using transport::HttpRequest;

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
  EXPECT_GE(CountDone(batch), 35u);
  EXPECT_LE(CountDone(batch), 45u);
  const auto people = StartMany(5, {1000, "shell"}, Priority::kInteractive);
  core_.AdvanceAndRunUntilIdle(seconds(2));
  EXPECT_EQ(CountDone(people), 5u);
  EXPECT_EQ(hub_->refused(), 0u);
}

TEST_F(BudgetedTransportTest, UsesUpWindowAfterWindowWithoutARefusal) {
  max_waiting_ = 20'000;
  Restart();
  Simulate({.quota = 3'000, .window = seconds(300)});
  std::vector<HandlerPtr> handlers;
  for (uint32_t i = 0; i < 50; ++i) {
    for (HandlerPtr& handler : StartMany(400, {1000 + i, "crawler"})) handlers.push_back(std::move(handler));
  }
  // 20,000 need the whole of six windows and a part of the seventh.
  core_.AdvanceAndRunUntilIdle(seconds(6 * 300));
  EXPECT_GE(CountDone(handlers), 18'000u * 95 / 100);
  core_.AdvanceAndRunUntilIdle(seconds(6 * 300) * 5 / 95);
  EXPECT_EQ(CountDone(handlers), handlers.size());
  EXPECT_EQ(hub_->refused(), 0u);
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
