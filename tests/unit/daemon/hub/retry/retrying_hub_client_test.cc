#include "daemon/hub/retrying_hub_client.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/hub/fake_hub_client.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::hub {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::AllOf;
using testing::Eq;
using testing::Gt;
using testing::Le;
using testing::Optional;
using testing::SizeIs;

absl::Status Cut() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "the connection was cut");
}

absl::Status RateLimited() {
  return WithRetryAfter(MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, "used up"),
                        1s);
}

absl::Status NotFound() {
  return MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo");
}

TEST(NextTryTest, CutConnectionIsTriedTwiceMoreAfterShortPauses) {
  const RetryPolicy policy;
  EXPECT_THAT(NextTry(policy, Cut(), 1, 0s, 0.001), Optional(AllOf(Gt(100ms), Le(200ms))));
  EXPECT_THAT(NextTry(policy, Cut(), 2, 0s, 0.001), Optional(AllOf(Gt(200ms), Le(400ms))));
  EXPECT_THAT(NextTry(policy, Cut(), 3, 0s, 0.001), Eq(std::nullopt));
}

TEST(NextTryTest, WhatAnotherTryCannotMendIsFinal) {
  const RetryPolicy policy;
  for (const absl::Status& status :
       {RateLimited(), NotFound(), absl::UnavailableError("of another kind"), absl::CancelledError(),
        MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, "garbage")}) {
    EXPECT_THAT(NextTry(policy, status, 1, 0s, 0.5), Eq(std::nullopt)) << status;
  }
}

TEST(NextTryTest, ErrorThatWasSlowInComingIsFinal) {
  const RetryPolicy policy;
  EXPECT_THAT(NextTry(policy, Cut(), 1, 4s, 0.5), Optional(Gt(0ms)));
  EXPECT_THAT(NextTry(policy, Cut(), 1, 5s, 0.5), Eq(std::nullopt));
}

TEST(NextTryTest, HubThatAsksForALongPauseIsNotAskedAgain) {
  const RetryPolicy policy;
  EXPECT_THAT(NextTry(policy, WithRetryAfter(Cut(), 1s), 1, 0s, 0.5), Optional(testing::Ge(1s)));
  EXPECT_THAT(NextTry(policy, WithRetryAfter(Cut(), 30s), 1, 0s, 0.5), Eq(std::nullopt));
}

class RetryingHubClientTest : public testing::Test {
 protected:
  RetryingHubClientTest() {
    inner_.Serve(otter_, Revision::Main(), {CommitId::Parse(std::string(40, 'a')).value(), {}});
  }

  static Access Interactive() {
    return {.principal = {},
            .token = Secret("hf_x"),
            .priority = Priority::kInteractive,
            .may_wait = false,
            .on_waiting = {}};
  }

  std::optional<absl::StatusOr<CommitId>> Resolve(const Access& access) {
    std::optional<absl::StatusOr<CommitId>> result;
    client_->ResolveRevision(otter_, Revision::Main(), access, [&result](absl::StatusOr<CommitId> commit) {
      EXPECT_FALSE(result.has_value());
      result = std::move(commit);
    });
    runner_.AdvanceAndRunUntilIdle(10s);
    return result;
  }

  const RepoId otter_ = RepoId::Parse(RepoType::kModel, "acme/otter").value();
  ManualTaskRunner runner_;
  FakeHubClient inner_{runner_};
  const std::unique_ptr<HubClient> client_ =
      MakeRetryingHubClient({}, inner_, runner_, runner_.clock(), [] { return 0.5; });
};

TEST_F(RetryingHubClientTest, GoodAnswerComesAtOnce) {
  EXPECT_THAT(Resolve(Interactive()), Optional(IsOk()));
  EXPECT_THAT(inner_.asked(), SizeIs(1));
}

TEST_F(RetryingHubClientTest, CutConnectionsAreNotNoticed) {
  inner_.FailNext(Cut());
  inner_.FailNext(Cut());
  EXPECT_THAT(Resolve(Interactive()), Optional(IsOk()));
  EXPECT_THAT(inner_.asked(), SizeIs(3));
  EXPECT_EQ(inner_.last_access().token.Reveal(), "hf_x");
}

TEST_F(RetryingHubClientTest, ThirdErrorIsShownAsItIs) {
  for (int i = 0; i < 4; ++i) inner_.FailNext(Cut());
  EXPECT_THAT(Resolve(Interactive()), Optional(HasReason(reason::kHubUnreachable)));
  EXPECT_THAT(inner_.asked(), SizeIs(3));
}

TEST_F(RetryingHubClientTest, NothingIsAskedBeforeThePauseIsOver) {
  inner_.FailNext(Cut());
  client_->WhoAmI(Interactive(), [](const absl::StatusOr<Identity>&) {});
  runner_.RunUntilIdle();
  EXPECT_THAT(inner_.asked(), SizeIs(1));
  EXPECT_THAT(runner_.next_delay(), Optional(Eq(Duration(100ms))));
  runner_.AdvanceAndRunUntilIdle(100ms);
  EXPECT_THAT(inner_.asked(), SizeIs(2));
}

TEST_F(RetryingHubClientTest, RateLimitAndRefusalAreShownAtOnce) {
  inner_.FailNext(RateLimited());
  EXPECT_THAT(Resolve(Interactive()), Optional(HasReason(reason::kHubRateLimited)));
  inner_.FailNext(NotFound());
  EXPECT_THAT(Resolve(Interactive()), Optional(HasReason(reason::kRepoNotFound)));
  EXPECT_THAT(inner_.asked(), SizeIs(2));
}

TEST_F(RetryingHubClientTest, CallerWhoMayWaitHasABackOffOfHisOwn) {
  Access job = Interactive();
  job.may_wait = true;
  inner_.FailNext(Cut());
  EXPECT_THAT(Resolve(job), Optional(HasReason(reason::kHubUnreachable)));
  job = Interactive();
  job.priority = Priority::kNormal;
  inner_.FailNext(Cut());
  EXPECT_THAT(Resolve(job), Optional(HasReason(reason::kHubUnreachable)));
  EXPECT_THAT(inner_.asked(), SizeIs(2));
}

TEST_F(RetryingHubClientTest, EveryQuestionIsPutAgain) {
  const auto failed_once = [this](auto ask) {
    inner_.FailNext(Cut());
    const size_t before = inner_.asked().size();
    ask();
    runner_.AdvanceAndRunUntilIdle(1s);
    EXPECT_EQ(inner_.asked().size(), before + 2);
  };
  const CommitId commit = CommitId::Parse(std::string(40, 'a')).value();
  failed_once([&] { client_->GetRepo(otter_, Revision::Main(), Interactive(), [](const auto&) {}); });
  failed_once([&] { client_->ResolveRevision(otter_, Revision::Main(), Interactive(), [](const auto&) {}); });
  failed_once([&] { client_->ListTree(otter_, commit, Interactive(), [](const auto&) {}); });
  failed_once([&] { client_->Search({}, Interactive(), [](const auto&) {}); });
  failed_once([&] { client_->WhoAmI(Interactive(), [](const auto&) {}); });
}

TEST_F(RetryingHubClientTest, QuestionOutlivesTheClient) {
  inner_.FailNext(Cut());
  std::optional<absl::StatusOr<CommitId>> result;
  {
    const auto client = MakeRetryingHubClient({}, inner_, runner_, runner_.clock(), [] { return 0.5; });
    client->ResolveRevision(otter_, Revision::Main(), Interactive(),
                            [&result](absl::StatusOr<CommitId> commit) { result = std::move(commit); });
  }
  runner_.AdvanceAndRunUntilIdle(1s);
  EXPECT_THAT(result, Optional(IsOk()));
}

}  // namespace

}  // namespace batuta::hub
