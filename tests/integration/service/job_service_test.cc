#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "tests/integration/service/service_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {

namespace {

class JobServiceTest : public ServiceFixture {
 protected:
  static v1::PullSpec Otter() {
    v1::PullSpec spec;
    *spec.mutable_repo() = Model("acme/otter");
    return spec;
  }

  absl::StatusOr<v1::Job> Start(v1::JobService::Stub& stub, const std::string& request_id = {}) {
    CallContext context;
    v1::StartPullRequest request;
    request.set_request_id(request_id);
    *request.mutable_spec() = Otter();
    v1::StartPullResponse response;
    const grpc::Status status = stub.StartPull(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.job();
  }

  absl::StatusOr<v1::Job> Cancel(v1::JobService::Stub& stub, const std::string& id) {
    CallContext context;
    v1::CancelJobRequest request;
    request.set_job_id(id);
    v1::CancelJobResponse response;
    const grpc::Status status = stub.CancelJob(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.job();
  }

  std::unique_ptr<grpc::ClientReader<v1::WatchJobResponse>> Watch(CallContext& context, const std::string& id,
                                                                  bool without_files = false) {
    v1::WatchJobRequest request;
    request.set_job_id(id);
    request.set_without_files(without_files);
    return stub_->WatchJob(&context, request);
  }

  // The hub answers whatever the job asks until its files are wanted.
  void LetItPlan(size_t files) {
    hub_.SetTree(TreeOf(files));
    ASSERT_TRUE(hub_.WaitForQuestions(1));
    hub_.Answer();
    ASSERT_TRUE(hub_.WaitForQuestions(2));
    hub_.Answer();
    ASSERT_TRUE(WaitUntil([this] { return !OnCore([this] { return transfers_->open(); }).empty(); }));
  }

  std::unique_ptr<v1::JobService::Stub> stub_ = v1::JobService::NewStub(Connect());
};

TEST_F(JobServiceTest, JobIsSeenByItsOwnerAndRootOnly) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  EXPECT_EQ(job.uid(), kOwner);
  const auto stranger = v1::JobService::NewStub(Connect(kStranger));
  EXPECT_THAT(Cancel(*stranger, job.id()), HasReason(reason::kJobNotFound));
  const auto root = v1::JobService::NewStub(Connect(0));
  EXPECT_THAT(Cancel(*root, job.id()), IsOk());
}

TEST_F(JobServiceTest, PriorityAndLimitChangeWhileTheJobRuns) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  EXPECT_EQ(job.priority(), v1::PRIORITY_NORMAL);
  LetItPlan(3);

  CallContext first;
  v1::SetJobPriorityRequest place;
  place.set_job_id(job.id());
  place.set_priority(v1::PRIORITY_BACKGROUND);
  v1::SetJobPriorityResponse placed;
  ASSERT_TRUE(stub_->SetJobPriority(&first, place, &placed).ok());
  EXPECT_EQ(placed.job().priority(), v1::PRIORITY_BACKGROUND);

  CallContext second;
  v1::SetJobLimitRequest limit;
  limit.set_job_id(job.id());
  limit.set_limit_bytes_per_second(64'000);
  v1::SetJobLimitResponse limited;
  ASSERT_TRUE(stub_->SetJobLimit(&second, limit, &limited).ok());
  EXPECT_EQ(limited.job().limit_bytes_per_second(), 64'000u);
  OnCore([this] {
    for (const size_t index : transfers_->open()) {
      EXPECT_EQ(transfers_->wanted()[index].spec.priority, Priority::kBackground);
      EXPECT_EQ(transfers_->wanted()[index].spec.limit->bytes_per_second(), 64'000u);
    }
  });

  CallContext third;
  place.set_priority(static_cast<v1::Priority>(99));
  EXPECT_THAT(FromGrpcStatus(stub_->SetJobPriority(&third, place, &placed)),
              HasReason(reason::kInvalidArgument));
}

TEST_F(JobServiceTest, RequestIdMakesAStartIdempotent) {
  ASSERT_OK_AND_ASSIGN(const v1::Job first, Start(*stub_, "r-1"));
  ASSERT_OK_AND_ASSIGN(const v1::Job again, Start(*stub_, "r-1"));
  EXPECT_EQ(first.id(), again.id());
  CallContext context;
  v1::ListJobsResponse jobs;
  ASSERT_TRUE(stub_->ListJobs(&context, {}, &jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 1);
}

TEST_F(JobServiceTest, HostileRequestsAreRefusedWithTheirReason) {
  EXPECT_THAT(Start(*stub_, std::string(65, 'r')), HasReason(reason::kInvalidArgument));
  EXPECT_THAT(Cancel(*stub_, ""), HasReason(reason::kJobNotFound));
  EXPECT_THAT(Cancel(*stub_, "\x1b[2J"), HasReason(reason::kJobNotFound));
  const absl::Status status = Cancel(*stub_, std::string(1 << 20, 'x')).status();
  EXPECT_THAT(status, HasReason(reason::kJobNotFound));
  EXPECT_LT(MessageOf(status).size(), 1'000);
}

TEST_F(JobServiceTest, WatchShowsTheJobAndEndsWithIt) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  CallContext context;
  const auto watch = Watch(context, job.id());
  v1::WatchJobResponse change;
  ASSERT_TRUE(watch->Read(&change));
  EXPECT_EQ(change.job().id(), job.id());

  ASSERT_THAT(Cancel(*stub_, job.id()), IsOk());

  v1::Job last;
  while (watch->Read(&change)) last = change.job();
  EXPECT_EQ(last.state(), v1::Job::STATE_CANCELLED);
  EXPECT_THAT(FromGrpcStatus(watch->Finish()), IsOk());
  EXPECT_TRUE(HasNoCalls());
}

TEST_F(JobServiceTest, WatchSendsEveryFileOnceWhateverTheirNumber) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  LetItPlan(2'300);
  CallContext context;
  const auto watch = Watch(context, job.id());
  std::vector<std::string> paths;
  v1::WatchJobResponse change;
  while (paths.size() < 2'300 && watch->Read(&change)) {
    EXPECT_LE(change.files_size(), 1'000);
    for (const v1::PullFile& file : change.files()) paths.push_back(file.path());
  }
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(std::unique(paths.begin(), paths.end()), paths.end());
  EXPECT_EQ(paths.size(), 2'300);
  context.TryCancel();
  EXPECT_TRUE(HasNoCalls());
}

TEST_F(JobServiceTest, WatchWithoutFilesShowsTheJobAlone) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  LetItPlan(3);
  CallContext context;
  const auto watch = Watch(context, job.id(), /*without_files=*/true);
  v1::WatchJobResponse change;
  ASSERT_TRUE(watch->Read(&change));
  EXPECT_EQ(change.job().files_total(), 3);
  EXPECT_EQ(change.files_size(), 0);
  OnCore([this] { transfers_->Progress(1, 1, 1); });
  ASSERT_TRUE(watch->Read(&change));
  EXPECT_EQ(change.job().done_bytes(), 1);
  EXPECT_EQ(change.files_size(), 0);
}

TEST_F(JobServiceTest, WatchOfAnUnknownJobEndsWithItsReason) {
  CallContext context;
  const auto watch = Watch(context, "0123456789ab");
  v1::WatchJobResponse change;
  EXPECT_FALSE(watch->Read(&change));
  EXPECT_THAT(FromGrpcStatus(watch->Finish()), HasReason(reason::kJobNotFound));
}

TEST_F(JobServiceTest, ManyWatchersOfOneJobAllSeeItsEnd) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  std::vector<std::unique_ptr<CallContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchJobResponse>>> watches;
  for (int i = 0; i < 100; ++i) {
    contexts.push_back(std::make_unique<CallContext>());
    watches.push_back(Watch(*contexts.back(), job.id()));
    v1::WatchJobResponse first;
    ASSERT_TRUE(watches.back()->Read(&first));
    if (i % 10 == 0) contexts.back()->TryCancel();
  }
  ASSERT_THAT(Cancel(*stub_, job.id()), IsOk());
  for (size_t i = 0; i < watches.size(); ++i) {
    v1::WatchJobResponse change;
    v1::Job::State last = v1::Job::STATE_UNSPECIFIED;
    while (watches[i]->Read(&change)) last = change.job().state();
    if (i % 10 == 0) continue;
    EXPECT_EQ(last, v1::Job::STATE_CANCELLED) << i;
    EXPECT_TRUE(watches[i]->Finish().ok()) << i;
  }
  EXPECT_TRUE(HasNoCalls());
}

TEST_F(JobServiceTest, WatcherWhoNeverReadsMissesNothingAndHoldsNothingUp) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  LetItPlan(1'000);
  CallContext sleeper;
  const auto asleep = Watch(sleeper, job.id());
  for (int round = 0; round < 50; ++round) {
    OnCore([this, round] {
      for (size_t i = 1; i < 200; ++i) transfers_->Progress(i, i > 1 ? 1 : 0, static_cast<uint64_t>(round));
    });
  }
  CallContext reader;
  const auto awake = Watch(reader, job.id());
  v1::WatchJobResponse change;
  EXPECT_TRUE(awake->Read(&change));
  EXPECT_TRUE(StopServing());
}

TEST_F(JobServiceTest, StopEndsWatchesWithTheReasonToComeBack) {
  ASSERT_OK_AND_ASSIGN(const v1::Job job, Start(*stub_));
  CallContext context;
  const auto watch = Watch(context, job.id());
  v1::WatchJobResponse change;
  ASSERT_TRUE(watch->Read(&change));
  EXPECT_TRUE(StopServing());
  while (watch->Read(&change)) {
  }
  EXPECT_THAT(FromGrpcStatus(watch->Finish()), HasReason(reason::kDaemonStopping));
}

TEST_F(JobServiceTest, PlanComesInPiecesThatCarryTheCommit) {
  CallContext context;
  v1::PlanPullRequest request;
  *request.mutable_spec() = Otter();
  const auto plan = stub_->PlanPull(&context, request);
  hub_.SetTree(TreeOf(1'500));
  ASSERT_TRUE(hub_.WaitForQuestions(1));
  hub_.Answer();
  ASSERT_TRUE(hub_.WaitForQuestions(2));
  hub_.Answer();
  std::vector<int> sizes;
  v1::PlanPullResponse piece;
  while (plan->Read(&piece)) {
    EXPECT_EQ(piece.commit(), std::string(40, 'a'));
    sizes.push_back(piece.files_size());
  }
  EXPECT_THAT(FromGrpcStatus(plan->Finish()), IsOk());
  EXPECT_THAT(sizes, testing::ElementsAre(1'000, 500));
}

TEST_F(JobServiceTest, PlanOfABadSpecIsRefused) {
  CallContext context;
  const auto plan = stub_->PlanPull(&context, {});
  v1::PlanPullResponse piece;
  EXPECT_FALSE(plan->Read(&piece));
  EXPECT_THAT(FromGrpcStatus(plan->Finish()), HasReason(reason::kInvalidRepoId));
}

}  // namespace

}  // namespace batuta::service
