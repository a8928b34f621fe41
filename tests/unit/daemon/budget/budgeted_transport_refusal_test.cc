// What happens when the hub refuses, lies or is lost, and what outlives a restart.
#include <memory>
#include <string>
#include <vector>

#include "common/status/status.h"
#include "daemon/budget/budgeted_transport.h"
#include "tests/unit/daemon/budget/budgeted_transport_fixture.h"

namespace batuta::budget {
namespace {

class BudgetedTransportRefusalTest : public BudgetedTransportTest {};

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;
using transport::HttpMethod;
using transport::HttpRequest;

TEST_F(BudgetedTransportRefusalTest, HidesA429FromTheHandlerAndTellsItToWait) {
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

TEST_F(BudgetedTransportRefusalTest, SendsThePostAgainWithItsBodyAfterA429) {
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

TEST_F(BudgetedTransportRefusalTest, SendsABodyThatComesPieceByPieceFromItsFrontAfterA429) {
  inner_.On(kApi).Reply(429).ThenReply(200, {}, "ok");
  HttpRequest request = Get(kApi);
  request.method = HttpMethod::kPost;
  const std::string bytes(200'000, 'p');
  request.body_source = std::make_shared<transport::MemoryBody>(bytes);
  const HandlerPtr handler = Start(request);
  core_.AdvanceAndRunUntilIdle(seconds(5));
  EXPECT_EQ(handler->body(), "ok");
  EXPECT_EQ(handler->sent(), bytes.size());
  ASSERT_THAT(inner_.Requests(), SizeIs(2));
  for (const HttpRequest& sent : inner_.Requests()) EXPECT_TRUE(sent.body == bytes);
}

TEST_F(BudgetedTransportRefusalTest, WaitsOutABusyHubOnlyWhereNothingCanHappenTwice) {
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

TEST_F(BudgetedTransportRefusalTest, DoesNotRushInWhenTheWindowReopens) {
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

TEST_F(BudgetedTransportRefusalTest, FailsAtOnceWhenTheCallerMayNotWait) {
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

TEST_F(BudgetedTransportRefusalTest, SendsNothingAfterARestartInsideAClosedWindow) {
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

TEST_F(BudgetedTransportRefusalTest, RemembersQuotaAndCountOverARestart) {
  inner_.On(kApi).Reply(200,
                        {{"RateLimit", "\"api\";r=70;t=200"}, {"RateLimit-Policy", "\"api\";q=2500;w=300"}});
  Start();
  core_.AdvanceAndRunUntilIdle(seconds(2));
  Restart();
  EXPECT_EQ(View(WindowKind::kApi).state.quota, 2'500u);
  EXPECT_EQ(View(WindowKind::kApi).state.remaining, 70u);
  EXPECT_TRUE(View(WindowKind::kApi).state.learned);
}

TEST_F(BudgetedTransportRefusalTest, WritesTheCatalogAtMostOnceASecondAndAtEveryRefusal) {
  Simulate({.quota = 10'000, .window = seconds(60), .latency = milliseconds(1)});
  StartMany(3'000);
  core_.AdvanceAndRunUntilIdle(milliseconds(3'500));
  EXPECT_THAT(store_.writes(metadata::Durability::kProcess), Le(4u));
  EXPECT_EQ(store_.writes(metadata::Durability::kPower), 0u);
}

TEST_F(BudgetedTransportRefusalTest, NeitherFreezesNorFloodsWhenTheWallClockJumps) {
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

TEST_F(BudgetedTransportRefusalTest, WaitsNoLongerThanAnnouncedWhenTheWallClockWentBackBeforeARestart) {
  inner_.On(kApi).Reply(429, {{"Retry-After", "100"}}).ThenServe("{}");
  Start();
  core_.RunUntilIdle();
  core_.clock().SetWall(core_.clock().wall() - hours(24 * 30));
  Restart();
  const HandlerPtr handler = Start();
  core_.AdvanceAndRunUntilIdle(seconds(102));
  EXPECT_THAT(handler->status(), IsOk());
}

TEST_F(BudgetedTransportRefusalTest, GoesOnWhateverTheHeadersSay) {
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

TEST_F(BudgetedTransportRefusalTest, HandsOnAFailureAndCountsItOnlyIfItMayHaveArrived) {
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

TEST_F(BudgetedTransportRefusalTest, ForgetsNothingOfAScarceWindowInACrash) {
  inner_.On(kApi).Reply(200,
                        {{"RateLimit", "\"api\";r=3;t=100"}, {"RateLimit-Policy", "\"api\";q=500;w=300"}});
  Start();
  core_.RunUntilIdle();
  // Not a moment later: the catalog is all that is left.
  const std::string catalog = Catalog();
  EXPECT_THAT(catalog, HasSubstr("\"remaining\":3"));
}

TEST_F(BudgetedTransportRefusalTest, WorksOnWithACatalogThatFails) {
  store_.FailReads(absl::UnavailableError("disk"), 1'000);
  store_.FailWrites(absl::UnavailableError("disk"), 1'000);
  Restart();
  inner_.On(kApi).Reply(429, {{"Retry-After", "3"}}).ThenServe("{}");
  const HandlerPtr handler = Start();
  core_.AdvanceAndRunUntilIdle(seconds(5));
  EXPECT_THAT(handler->status(), IsOk());
}

TEST_F(BudgetedTransportRefusalTest, DropsRowsThatItCannotRead) {
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

}  // namespace
}  // namespace batuta::budget
