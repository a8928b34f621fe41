#include "daemon/jobs/job_queue.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "daemon/jobs/job_codec.h"
#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::jobs {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using metadata::Table;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Principal kMira{.uid = 1'000, .tool = "batuta"};
const Principal kNoor{.uid = 1'001, .tool = "batuta"};
const Principal kRoot{.uid = 0, .tool = "batuta"};

class JobQueueTest : public pull::PullFixture {
 protected:
  JobQueueTest() { Reopen(); }

  ~JobQueueTest() override { core_.RunUntilIdle(); }

  // As after a restart of the daemon: a new queue over the same catalog and cache.
  void Reopen() {
    queue_.reset();
    std::vector<std::string> records;
    ASSERT_THAT(store_.Scan(Table::kJobs, "",
                            [&records](std::string_view, std::string_view value) {
                              records.emplace_back(value);
                              return true;
                            }),
                IsOk());
    queue_ = std::make_unique<JobQueue>(options_, Context(), store_, core_, disk_, clock_);
    queue_->Load(records);
    core_.RunUntilIdle();
  }

  absl::StatusOr<JobView> Start(const Principal& caller, std::string request_id = {}, Secret token = {},
                                std::string_view id = "acme/otter") {
    absl::StatusOr<JobView> result = absl::UnknownError("the queue did not call back");
    queue_->Start(caller, std::move(token), std::move(request_id), RequestFor(Model(id)),
                  [&result](absl::StatusOr<JobView> job) { result = std::move(job); });
    core_.RunUntilIdle();
    return result;
  }

  JobState StateOf(const JobId& id) { return queue_->Get(kRoot, id).value().record.state; }

  void CrashAndReopen() {
    // A killed daemon drains nothing: the queue is gone as it stands.
    Reopen();
  }

  JobQueueOptions options_;
  std::unique_ptr<JobQueue> queue_;
};

TEST_F(JobQueueTest, PullRunsToItsEndAndIsJournalled) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  EXPECT_EQ(StateOf(job.record.id), JobState::kRunning);

  DeliverAll();

  ASSERT_OK_AND_ASSIGN(const JobView done, queue_->Get(kMira, job.record.id));
  EXPECT_EQ(done.record.state, JobState::kDone);
  EXPECT_EQ(done.record.commit, std::string(40, 'a'));
  EXPECT_EQ(done.record.downloaded_bytes, 2 + 100 + 101);
  EXPECT_EQ(done.files_done, 3);
  ASSERT_OK_AND_ASSIGN(const auto stored, store_.Get(Table::kJobs, job.record.id));
  ASSERT_OK_AND_ASSIGN(const JobRecord record, DecodeJob(stored.value()));
  EXPECT_EQ(record.state, JobState::kDone);
}

TEST_F(JobQueueTest, SameRequestIdIsTheSameJobForTheSameUserOnly) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView first, Start(kMira, "r-1"));

  ASSERT_OK_AND_ASSIGN(const JobView again, Start(kMira, "r-1"));
  ASSERT_OK_AND_ASSIGN(const JobView other, Start(kNoor, "r-1"));

  EXPECT_EQ(again.record.id, first.record.id);
  EXPECT_NE(other.record.id, first.record.id);
}

TEST_F(JobQueueTest, SameRequestIdIsTheSameJobAfterARestart) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView first, Start(kMira, "r-1"));

  CrashAndReopen();
  ASSERT_OK_AND_ASSIGN(const JobView again, Start(kMira, "r-1"));

  EXPECT_EQ(again.record.id, first.record.id);
}

TEST_F(JobQueueTest, JobOfAnotherUserDoesNotExist) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));

  EXPECT_THAT(queue_->Get(kNoor, job.record.id), HasReason(reason::kJobNotFound));
  EXPECT_THAT(queue_->Cancel(kNoor, job.record.id), HasReason(reason::kJobNotFound));
  EXPECT_THAT(queue_->Watch(kNoor, job.record.id, [] {}), HasReason(reason::kJobNotFound));
  EXPECT_THAT(queue_->List(kNoor, false), IsEmpty());
  EXPECT_THAT(queue_->Get(kRoot, job.record.id), IsOk());
}

TEST_F(JobQueueTest, IdMayBeShortenedWhileItIsUnambiguous) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));

  EXPECT_THAT(queue_->Get(kMira, job.record.id.substr(0, 6)), IsOk());
  EXPECT_THAT(queue_->Get(kMira, job.record.id.substr(0, 3)), HasReason(reason::kJobNotFound));
  EXPECT_THAT(queue_->Get(kMira, ""), HasReason(reason::kJobNotFound));
}

TEST_F(JobQueueTest, KilledDaemonGoesOnWithUnfinishedJobs) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  transfers_->Deliver(0, "{}");
  core_.RunUntilIdle();

  CrashAndReopen();
  EXPECT_EQ(StateOf(job.record.id), JobState::kRunning);
  DeliverAll();

  EXPECT_EQ(StateOf(job.record.id), JobState::kDone);
}

TEST_F(JobQueueTest, PausedJobStaysPausedAcrossARestartAndGoesOnWhenResumed) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  ASSERT_THAT(queue_->Pause(kMira, job.record.id), IsOk());
  core_.RunUntilIdle();
  EXPECT_THAT(transfers_->open(), IsEmpty());

  CrashAndReopen();
  EXPECT_EQ(StateOf(job.record.id), JobState::kPaused);
  EXPECT_THAT(transfers_->open(), IsEmpty());
  ASSERT_THAT(queue_->Resume(kMira, job.record.id, Secret()), IsOk());
  core_.RunUntilIdle();
  DeliverAll();

  EXPECT_EQ(StateOf(job.record.id), JobState::kDone);
}

TEST_F(JobQueueTest, WhatIsSaidToBeJournalledIsInTheCatalog) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  std::optional<JobState> stored_state;

  ASSERT_THAT(queue_->Pause(kMira, job.record.id), IsOk());
  queue_->WhenJournalled([&] {
    const auto stored = store_.Get(Table::kJobs, job.record.id);
    stored_state = DecodeJob(stored->value())->state;
  });
  EXPECT_EQ(stored_state, std::nullopt) << "before anything could be written";
  core_.RunUntilIdle();

  EXPECT_EQ(stored_state, JobState::kPaused);
}

TEST_F(JobQueueTest, AChangedPriorityReachesTheTransfersAndOutlivesTheDaemon) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  for (const size_t index : transfers_->open())
    EXPECT_EQ(transfers_->wanted()[index].spec.priority, Priority::kNormal);

  ASSERT_OK_AND_ASSIGN(const JobView changed,
                       queue_->SetPriority(kMira, job.record.id, Priority::kBackground));
  EXPECT_EQ(changed.record.state, JobState::kRunning);
  EXPECT_EQ(changed.record.priority(), Priority::kBackground);
  for (const size_t index : transfers_->open())
    EXPECT_EQ(transfers_->wanted()[index].spec.priority, Priority::kBackground);
  core_.RunUntilIdle();

  CrashAndReopen();
  EXPECT_EQ(queue_->Get(kMira, job.record.id)->record.priority(), Priority::kBackground);
  ASSERT_THAT(transfers_->open(), testing::Not(IsEmpty()));
  for (const size_t index : transfers_->open())
    EXPECT_EQ(transfers_->wanted()[index].spec.priority, Priority::kBackground);
}

TEST_F(JobQueueTest, AChangedLimitReachesTheTransfersAndOutlivesTheDaemon) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  const auto limit = transfers_->wanted()[transfers_->open().front()].spec.limit;
  EXPECT_EQ(limit->bytes_per_second(), 0u);

  ASSERT_OK_AND_ASSIGN(const JobView changed, queue_->SetLimit(kMira, job.record.id, 500'000));
  EXPECT_EQ(changed.record.limit_bytes_per_second(), 500'000u);
  EXPECT_EQ(limit->bytes_per_second(), 500'000u);
  for (const size_t index : transfers_->open())
    EXPECT_EQ(transfers_->wanted()[index].spec.limit, limit) << "one for the whole job";
  ASSERT_THAT(queue_->Pause(kMira, job.record.id), IsOk());
  core_.RunUntilIdle();

  CrashAndReopen();
  ASSERT_THAT(queue_->Resume(kMira, job.record.id, Secret()), IsOk());
  core_.RunUntilIdle();
  EXPECT_EQ(transfers_->wanted()[transfers_->open().front()].spec.limit->bytes_per_second(), 500'000u);
}

TEST_F(JobQueueTest, AJobThatHasEndedIsPlacedNowhere) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  DeliverAll();
  EXPECT_THAT(queue_->SetPriority(kMira, job.record.id, Priority::kBackground),
              HasReason(reason::kJobFinished));
  EXPECT_THAT(queue_->SetLimit(kMira, job.record.id, 1), HasReason(reason::kJobFinished));
  EXPECT_THAT(queue_->SetLimit(kNoor, job.record.id, 1), HasReason(reason::kJobNotFound));
}

TEST_F(JobQueueTest, ABeginningThatSeveralOfOnesOwnJobsShareIsSaidToBeAmbiguous) {
  ASSERT_OK_AND_ASSIGN(const JobView sample, Start(kMira));
  const auto put = [&](const std::string& id, const Principal& owner) {
    JobRecord record = sample.record;
    record.id = id;
    record.owner = owner;
    record.state = JobState::kPaused;
    ASSERT_THAT(metadata::Put(store_, Table::kJobs, id, EncodeJob(record), metadata::Durability::kProcess),
                IsOk());
  };
  put("abcd00000001", kMira);
  put("abcd00000002", kMira);
  put("abcd10000001", kNoor);
  CrashAndReopen();

  EXPECT_THAT(queue_->Get(kMira, "abcd"), HasReason(reason::kInvalidArgument));
  EXPECT_THAT(queue_->Get(kMira, "abcd00000001"), IsOk());
  EXPECT_THAT(queue_->Get(kMira, "abcd00000002"), IsOk());
  EXPECT_EQ(queue_->Get(kNoor, "abcd")->record.id, "abcd10000001") << "others' jobs do not exist";
}

TEST_F(JobQueueTest, CancelledJobLeavesItsTransfersAndCannotBeCancelledAgain) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));

  ASSERT_THAT(queue_->Cancel(kMira, job.record.id), IsOk());

  EXPECT_EQ(StateOf(job.record.id), JobState::kCancelled);
  EXPECT_THAT(transfers_->open(), IsEmpty());
  EXPECT_THAT(queue_->Cancel(kMira, job.record.id), HasReason(reason::kJobFinished));
}

TEST_F(JobQueueTest, TokenIsNeverJournalledAndAJobThatHadOneWaitsForCredentials) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira, {}, Secret("hf_canary")));
  EXPECT_EQ(hub_.last_access().token.Reveal(), "hf_canary");
  ASSERT_OK_AND_ASSIGN(const auto stored, store_.Get(Table::kJobs, job.record.id));
  EXPECT_THAT(*stored, testing::Not(testing::HasSubstr("hf_canary")));

  CrashAndReopen();
  ASSERT_OK_AND_ASSIGN(const JobView waiting, queue_->Get(kMira, job.record.id));
  EXPECT_EQ(waiting.record.state, JobState::kWaiting);
  EXPECT_EQ(waiting.waiting_reason, "credentials");

  queue_->OfferToken(kNoor.uid, Secret("hf_of_noor"));
  core_.RunUntilIdle();
  EXPECT_EQ(StateOf(job.record.id), JobState::kWaiting);
  queue_->OfferToken(kMira.uid, Secret("hf_fresh"));
  core_.RunUntilIdle();
  EXPECT_EQ(hub_.last_access().token.Reveal(), "hf_fresh");
  DeliverAll();
  EXPECT_EQ(StateOf(job.record.id), JobState::kDone);
}

TEST_F(JobQueueTest, RootResumesAnothersJobWithoutLendingItsOwnToken) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira, {}, Secret("hf_mira")));
  ASSERT_THAT(queue_->Pause(kMira, job.record.id), IsOk());

  ASSERT_THAT(queue_->Resume(kRoot, job.record.id, Secret("hf_root")), IsOk());
  core_.RunUntilIdle();

  EXPECT_EQ(StateOf(job.record.id), JobState::kWaiting);
  EXPECT_EQ(hub_.last_access().token.Reveal(), "hf_mira");
}

TEST_F(JobQueueTest, FailureKeepsItsReasonAcrossARestart) {
  hub_.FailNext(MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo"));
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  EXPECT_EQ(StateOf(job.record.id), JobState::kFailed);

  CrashAndReopen();

  ASSERT_OK_AND_ASSIGN(const JobView failed, queue_->Get(kMira, job.record.id));
  EXPECT_THAT(failed.record.error, HasReason(reason::kRepoNotFound));
}

TEST_F(JobQueueTest, WatcherReadsEveryFileOnceAndThenOnlyWhatChanged) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  int told = 0;
  ASSERT_OK_AND_ASSIGN(const JobQueue::WatchId watch,
                       queue_->Watch(kMira, job.record.id, [&told] { ++told; }));
  ASSERT_OK_AND_ASSIGN(const JobChanges first, queue_->ReadChanges(watch, 0, 100));
  EXPECT_THAT(first.files, SizeIs(3));

  transfers_->Progress(1, 5, 5);
  EXPECT_EQ(told, 0);
  core_.AdvanceAndRunUntilIdle(options_.progress_every);

  EXPECT_EQ(told, 1);
  ASSERT_OK_AND_ASSIGN(const JobChanges second, queue_->ReadChanges(watch, first.sequence, 100));
  ASSERT_THAT(second.files, SizeIs(1));
  EXPECT_EQ(second.files[0].done_bytes, 5);
  ASSERT_OK_AND_ASSIGN(const JobChanges third, queue_->ReadChanges(watch, second.sequence, 100));
  EXPECT_THAT(third.files, IsEmpty());
}

TEST_F(JobQueueTest, WatcherWithoutFilesReadsTheJobAlone) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  ASSERT_OK_AND_ASSIGN(const JobQueue::WatchId watch, queue_->Watch(kMira, job.record.id, [] {}));
  ASSERT_OK_AND_ASSIGN(const JobChanges first, queue_->ReadChanges(watch, 0, 0));
  EXPECT_THAT(first.files, IsEmpty());
  EXPECT_FALSE(first.more);

  transfers_->Progress(1, 5, 5);

  ASSERT_OK_AND_ASSIGN(const JobChanges second, queue_->ReadChanges(watch, first.sequence, 0));
  EXPECT_THAT(second.files, IsEmpty());
  EXPECT_GT(second.sequence, first.sequence);
  EXPECT_EQ(second.job.done_bytes, 5);
}

TEST_F(JobQueueTest, ManyChangesAreReadInStepsWithoutLosingOne) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  ASSERT_OK_AND_ASSIGN(const JobQueue::WatchId watch, queue_->Watch(kMira, job.record.id, [] {}));
  std::vector<std::string> paths;
  uint64_t after = 0;
  for (bool more = true; more;) {
    ASSERT_OK_AND_ASSIGN(const JobChanges changes, queue_->ReadChanges(watch, after, 2));
    for (const JobFile& file : changes.files) paths.push_back(file.path);
    after = changes.sequence;
    more = changes.more;
  }
  EXPECT_THAT(paths, testing::UnorderedElementsAre("config.json", "model-00001-of-00002.safetensors",
                                                   "model-00002-of-00002.safetensors"));
}

TEST_F(JobQueueTest, SequenceOfAWatcherStaysGoodAcrossARestart) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  ASSERT_OK_AND_ASSIGN(const JobQueue::WatchId watch, queue_->Watch(kMira, job.record.id, [] {}));
  ASSERT_OK_AND_ASSIGN(const JobChanges before, queue_->ReadChanges(watch, 0, 100));
  clock_.Advance(5s);

  CrashAndReopen();
  ASSERT_OK_AND_ASSIGN(const JobQueue::WatchId again, queue_->Watch(kMira, job.record.id, [] {}));
  ASSERT_OK_AND_ASSIGN(const JobChanges after, queue_->ReadChanges(again, before.sequence, 100));

  EXPECT_GT(after.sequence, before.sequence);
  EXPECT_THAT(after.files, SizeIs(3));
}

TEST_F(JobQueueTest, WaitIsShownAndEndsWithProgress) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  const WallTime until = clock_.wall() + 30s;

  transfers_->Wait(0, {.reason = "rate limit", .window = "resolvers", .until = until}, absl::OkStatus(), 0);
  ASSERT_OK_AND_ASSIGN(const JobView waiting, queue_->Get(kMira, job.record.id));
  transfers_->Progress(0, 1, 1);
  ASSERT_OK_AND_ASSIGN(const JobView running, queue_->Get(kMira, job.record.id));

  EXPECT_EQ(waiting.record.state, JobState::kWaiting);
  EXPECT_EQ(waiting.waiting_reason, "rate limit");
  EXPECT_EQ(waiting.waiting_until, until);
  EXPECT_EQ(running.record.state, JobState::kRunning);
  EXPECT_EQ(running.waiting_reason, "");
}

TEST_F(JobQueueTest, ActivityCountsTheJobsOfAllUsersAndSaysWhatTheFirstWaitsFor) {
  ServeOtter();
  EXPECT_EQ(queue_->activity().running, 0u);
  ASSERT_OK_AND_ASSIGN(const JobView first, Start(kMira));
  EXPECT_EQ(queue_->activity().running, 1u);

  const WallTime until = clock_.wall() + 30s;
  transfers_->Wait(0, {.reason = "rate limit", .window = "resolvers", .until = until}, absl::OkStatus(), 0);
  EXPECT_EQ(queue_->activity().running, 0u);
  EXPECT_EQ(queue_->activity().waiting, 1u);
  EXPECT_EQ(queue_->activity().waiting_reason, "rate limit");
  EXPECT_EQ(queue_->activity().waiting_until, until);

  ASSERT_THAT(queue_->Pause(kMira, first.record.id), IsOk());
  EXPECT_EQ(queue_->activity().paused, 1u);
  EXPECT_EQ(queue_->activity().waiting_reason, "");
  ASSERT_THAT(queue_->Cancel(kMira, first.record.id), IsOk());
  EXPECT_EQ(queue_->activity().paused, 0u);
}

TEST_F(JobQueueTest, OldEndedJobsAreForgottenInCatalogToo) {
  options_.keep_ended = 3;
  Reopen();
  JobId first;
  for (int number = 0; number < 6; ++number) {
    hub_.FailNext(MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo"));
    ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
    if (number == 0) first = job.record.id;
    clock_.Advance(1s);
  }
  core_.RunUntilIdle();

  EXPECT_THAT(queue_->List(kMira, false), SizeIs(3));
  EXPECT_THAT(store_.Get(Table::kJobs, first), IsOkAndHolds(std::nullopt));
}

TEST_F(JobQueueTest, ManyEndedJobsOfOneUserCostNoOtherUserHis) {
  options_.keep_ended = 3;
  Reopen();
  const auto fail = [this](const Principal& who) {
    hub_.FailNext(MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo"));
    ASSERT_THAT(Start(who), IsOk());
    clock_.Advance(1s);
  };
  fail(kNoor);
  for (int number = 0; number < 6; ++number) fail(kMira);
  core_.RunUntilIdle();

  EXPECT_THAT(queue_->List(kMira, false), SizeIs(3));
  EXPECT_THAT(queue_->List(kNoor, false), SizeIs(1));
}

TEST_F(JobQueueTest, EndedJobsWithLargeRequestsAreForgottenSooner) {
  options_.max_request_bytes_of_user = 1'000;
  Reopen();
  for (int number = 0; number < 20; ++number) {
    hub_.FailNext(MakeError(absl::StatusCode::kNotFound, reason::kRepoNotFound, "no such repo"));
    ASSERT_THAT(Start(kMira), IsOk());
    clock_.Advance(1s);
  }
  core_.RunUntilIdle();

  EXPECT_GT(queue_->List(kMira, false).size(), 0U);
  EXPECT_LT(queue_->List(kMira, false).size(), 20U);
}

TEST_F(JobQueueTest, DrainedQueueRefusesNewJobsAndKeepsOldOnesForTheNextStart) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  bool drained = false;

  queue_->Drain([&drained] { drained = true; });
  core_.RunUntilIdle();

  EXPECT_TRUE(drained);
  EXPECT_THAT(Start(kMira), HasReason(reason::kDaemonStopping));
  Reopen();
  EXPECT_EQ(StateOf(job.record.id), JobState::kRunning);
}

TEST_F(JobQueueTest, DrainedQueueResumesNothing) {
  ServeOtter();
  ASSERT_OK_AND_ASSIGN(const JobView job, Start(kMira));
  ASSERT_THAT(queue_->Pause(kMira, job.record.id), IsOk());
  queue_->Drain([] {});
  core_.RunUntilIdle();
  EXPECT_THAT(queue_->Resume(kMira, job.record.id, Secret()), HasReason(reason::kDaemonStopping));
  EXPECT_EQ(StateOf(job.record.id), JobState::kPaused);
}

TEST_F(JobQueueTest, CatalogThatCannotBeWrittenRefusesTheJob) {
  ServeOtter();
  store_.FailWrites(MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, "full"));

  EXPECT_THAT(Start(kMira), HasReason(reason::kDiskFull));
  EXPECT_EQ(queue_->active(), 0);
}

TEST_F(JobQueueTest, AUserHasAShareOfTheQueueAndOthersHaveTheirs) {
  options_.max_active_of_user = 2;
  Reopen();
  ServeOtter();
  ASSERT_THAT(Start(kMira, "r-1"), IsOk());
  ASSERT_OK_AND_ASSIGN(const JobView second, Start(kMira, "r-2"));

  EXPECT_THAT(Start(kMira, "r-3"), HasReason(reason::kDaemonBusy));
  EXPECT_THAT(Start(kMira, "r-1"), IsOk());  // which is there already
  EXPECT_THAT(Start(kNoor), IsOk());

  ASSERT_THAT(queue_->Cancel(kMira, second.record.id), IsOk());
  core_.RunUntilIdle();
  EXPECT_THAT(Start(kMira, "r-3"), IsOk());
}

TEST_F(JobQueueTest, RequestsOfAUserTakeNoMoreThanHisShareAlsoAfterARestart) {
  options_.max_request_bytes_of_user = 100'000;
  Reopen();
  ServeOtter();
  const auto start_large = [&] {
    absl::StatusOr<JobView> result = absl::UnknownError("the queue did not call back");
    pull::PullRequest request = RequestFor(Model("acme/otter"));
    request.selection.include = {"*", std::string(60'000, 'x')};
    queue_->Start(kMira, Secret(), {}, std::move(request),
                  [&result](absl::StatusOr<JobView> job) { result = std::move(job); });
    core_.RunUntilIdle();
    return result;
  };
  ASSERT_OK_AND_ASSIGN(const JobView first, start_large());
  ASSERT_THAT(queue_->Pause(kMira, first.record.id), IsOk());
  core_.RunUntilIdle();
  EXPECT_THAT(start_large(), HasReason(reason::kDaemonBusy));

  CrashAndReopen();
  EXPECT_THAT(start_large(), HasReason(reason::kDaemonBusy));
  EXPECT_THAT(Start(kMira), IsOk());
}

TEST_F(JobQueueTest, QueueIsBounded) {
  options_.max_active = 2;
  Reopen();
  ServeOtter();
  ASSERT_THAT(Start(kMira), IsOk());
  ASSERT_THAT(Start(kMira), IsOk());

  EXPECT_THAT(Start(kMira), HasReason(reason::kDaemonBusy));
}

}  // namespace

}  // namespace batuta::jobs
