#include <optional>
#include <vector>

#include "common/status/status.h"
#include "tests/unit/daemon/budget/budgeted_transport_fixture.h"

namespace batuta::budget {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

const Principal kTool{1000, "crawler"};

class RecordingReservation final : public ReservationHandler {
 public:
  void OnWaiting(const transport::WaitInfo& info) override { waits.push_back(info); }

  void OnGranted(const Reservation& reservation) override { granted = reservation; }

  void OnDone(const absl::Status& status) override { error = status; }

  std::vector<transport::WaitInfo> waits;
  std::optional<Reservation> granted;
  absl::Status error;
};

class ReservationTest : public BudgetedTransportTest {
 protected:
  std::shared_ptr<RecordingReservation> Reserve(ReserveRequest request = Ask()) {
    auto handler = std::make_shared<RecordingReservation>();
    const absl::StatusOr<TicketId> id = budget_->Reserve(std::move(request), handler);
    EXPECT_THAT(id, IsOk());
    last_ = id.value_or(0);
    EXPECT_FALSE(handler->granted.has_value());  // never inside Reserve()
    core_.RunUntilIdle();
    return handler;
  }

  static ReserveRequest Ask() {
    ReserveRequest request;
    request.url = kApi;
    request.principal = kTool;
    return request;
  }

  absl::Status Settle(const Reservation& reservation, const ReportedAnswer& answer) {
    const absl::Status status = budget_->SettleReservation(kTool, reservation.id, answer);
    core_.RunUntilIdle();
    return status;
  }

  void LeaveRemaining(int remaining) {
    EXPECT_THAT(Settle(*Reserve()->granted, Answered(remaining)), IsOk());
  }

  // The hub's word on the window.
  static ReportedAnswer Answered(int remaining, int status = 200) {
    return {.status = status,
            .never_sent = false,
            .rate_limit = "\"api\";r=" + std::to_string(remaining) + ";t=100",
            .rate_limit_policy = "\"fixed window\";\"api\";q=500;w=300",
            .retry_after = ""};
  }

  uint64_t Remaining() { return View(WindowKind::kApi).state.remaining; }
};

TEST_F(ReservationTest, IsGrantedAtOnceWhileThereIsRoomAndTeachesTheWindow) {
  const auto asked = Reserve();
  ASSERT_TRUE(asked->granted.has_value());
  EXPECT_EQ(asked->granted->window, (WindowKey{"anonymous", WindowKind::kApi}));
  EXPECT_EQ(asked->granted->expires_at, core_.clock().wall() + Reservation::kLife);
  EXPECT_THAT(Settle(*asked->granted, Answered(123)), IsOk());
  EXPECT_EQ(Remaining(), 123u);
  EXPECT_TRUE(View(WindowKind::kApi).state.learned);
  ASSERT_EQ(View(WindowKind::kApi).spending.size(), 1u);
  EXPECT_EQ(View(WindowKind::kApi).spending[0].principal, kTool);
}

TEST_F(ReservationTest, WaitsInTheSameQueueAsTheDaemonsOwnRequests) {
  LeaveRemaining(0);
  const auto asked = Reserve();
  EXPECT_FALSE(asked->granted.has_value());
  ASSERT_EQ(asked->waits.size(), 1u);
  EXPECT_EQ(asked->waits[0].reason, "rate limit");
  EXPECT_EQ(asked->waits[0].until, core_.clock().wall() + seconds(101));
  EXPECT_EQ(View(WindowKind::kApi).waiting, 1u);
  core_.AdvanceAndRunUntilIdle(seconds(102));
  EXPECT_TRUE(asked->granted.has_value());
}

TEST_F(ReservationTest, ClosesTheWindowForEverybodyWhenItsAnswerIsARefusal) {
  ReportedAnswer refused;
  refused.status = 429;
  refused.retry_after = "40";
  EXPECT_THAT(Settle(*Reserve()->granted, refused), IsOk());
  inner_.On(kApi).Serve("x");
  const HandlerPtr ours = Start();
  core_.AdvanceAndRunUntilIdle(seconds(39));
  EXPECT_FALSE(ours->is_done());
  core_.AdvanceAndRunUntilIdle(seconds(2));
  EXPECT_THAT(ours->status(), IsOk());
}

TEST_F(ReservationTest, IsRefusedAtOnceWhereItMayNotWait) {
  LeaveRemaining(0);
  ReserveRequest request = Ask();
  request.may_wait = false;
  const auto asked = Reserve(std::move(request));
  EXPECT_THAT(asked->error, HasReason(reason::kHubRateLimited));
  EXPECT_EQ(View(WindowKind::kApi).waiting, 0u);
}

TEST_F(ReservationTest, CountsAsSpentWhenItExpires) {
  LeaveRemaining(50);
  const auto asked = Reserve();
  EXPECT_EQ(Remaining(), 49u);  // under way
  core_.AdvanceAndRunUntilIdle(Reservation::kLife);
  EXPECT_EQ(Remaining(), 49u);
  EXPECT_THAT(Settle(*asked->granted, Answered(400)), HasReason(reason::kReservationNotFound));
  EXPECT_EQ(Remaining(), 49u);
}

TEST_F(ReservationTest, CostsNothingWhenItIsDropped) {
  LeaveRemaining(50);
  const auto granted = Reserve();
  budget_->DropReservation(last_);
  core_.RunUntilIdle();
  EXPECT_EQ(Remaining(), 50u);

  LeaveRemaining(0);
  const auto waiting = Reserve();
  EXPECT_EQ(View(WindowKind::kApi).waiting, 1u);
  budget_->DropReservation(last_);
  EXPECT_EQ(View(WindowKind::kApi).waiting, 0u);
  core_.AdvanceAndRunUntilIdle(seconds(200));
  EXPECT_FALSE(waiting->granted.has_value());
}

TEST_F(ReservationTest, IsSettledOnceAndOnlyByItsOwner) {
  const auto asked = Reserve();
  ASSERT_TRUE(asked->granted.has_value());
  EXPECT_THAT(budget_->SettleReservation({1001, "crawler"}, asked->granted->id, Answered(1)),
              HasReason(reason::kReservationNotFound));
  EXPECT_THAT(Settle(*asked->granted, Answered(7)), IsOk());
  EXPECT_THAT(Settle(*asked->granted, Answered(400)), HasReason(reason::kReservationNotFound));
  EXPECT_EQ(Remaining(), 7u);
}

TEST_F(ReservationTest, IsNotSettledBeforeItIsGranted) {
  LeaveRemaining(0);
  Reserve();
  EXPECT_THAT(budget_->SettleReservation(kTool, last_, Answered(400)),
              HasReason(reason::kReservationNotFound));
}

TEST_F(ReservationTest, IsForRequestsToTheHubOnly) {
  ReserveRequest request = Ask();
  request.url = kFile;
  const auto handler = std::make_shared<RecordingReservation>();
  const absl::StatusOr<TicketId> id = budget_->Reserve(std::move(request), handler);
  EXPECT_THAT(id, HasReason(reason::kInvalidArgument));
  EXPECT_THAT(std::string(id.status().message()), HasSubstr("cdn.test"));
}

TEST_F(ReservationTest, EndsWithTheBudget) {
  LeaveRemaining(0);
  const auto asked = Reserve();
  budget_.reset();
  core_.RunUntilIdle();
  EXPECT_THAT(asked->error, HasReason(reason::kCancelled));
}

}  // namespace
}  // namespace batuta::budget
