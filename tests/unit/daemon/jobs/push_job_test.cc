#include "daemon/jobs/push_job.h"

#include <memory>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/clock/fake_clock.h"

namespace batuta::jobs {
namespace {

class IdleRun final : public push::PushRun {
 public:
  void SetPriority(Priority) override {}

  void SetLimit(uint64_t) override {}
};

class PushJobTest : public ::testing::Test {
 protected:
  PushJobTest() {
    push::PushRequest push{.repo = *RepoId::Parse(RepoType::kDataset, "acme/data"), .path = "/data"};
    JobRecord record{.id = "1234",
                     .owner = {},
                     .request_id = {},
                     .request = std::move(push),
                     .had_token = false,
                     .state = JobState::kQueued,
                     .created = clock_.wall(),
                     .finished = std::nullopt,
                     .commit = {},
                     .snapshot_path = {},
                     .error = absl::OkStatus()};
    job_ = std::make_unique<PushJob>(
        std::move(record),
        [this](const push::PushRequest&, hub::Access, push::PushObserver& observer) {
          run_ = &observer;
          return std::make_unique<IdleRun>();
        },
        clock_, [](QueuedJob::Event) {}, [](absl::AnyInvocable<void()> done) { done(); });
    job_->Run(Secret());
  }

  FakeClock clock_;
  push::PushObserver* run_ = nullptr;
  std::unique_ptr<PushJob> job_;
};

TEST_F(PushJobTest, AWaitIsOverWhenTheRunGoesOn) {
  run_->OnWaiting({.reason = "network", .window = "", .until = clock_.wall()}, absl::UnavailableError("away"),
                  1);
  EXPECT_EQ(job_->View().record.state, JobState::kWaiting);
  EXPECT_EQ(job_->View().waiting_reason, "network");

  run_->OnPhase(push::Phase::kCommitting);

  EXPECT_EQ(job_->View().record.state, JobState::kRunning);
  EXPECT_EQ(job_->View().phase, "committing");
  EXPECT_EQ(job_->View().waiting_reason, "");
  EXPECT_FALSE(job_->View().waiting_until.has_value());
}

}  // namespace
}  // namespace batuta::jobs
