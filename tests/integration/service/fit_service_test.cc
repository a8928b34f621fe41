#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "daemon/gguf/byte_source.h"
#include "tests/integration/service/service_fixture.h"
#include "tests/support/gguf_repo/gguf_repo.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {

namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

class FitServiceTest : public ServiceFixture {
 protected:
  FitServiceTest() {
    machine_.memory = {.total_bytes = 12 * kGiB, .available_bytes = 12 * kGiB, .limited_by = ""};
    Tree tree{CommitId::Parse(std::string(40, 'a')).value(), {}};
    Add(tree, "otter-8b-F16.gguf", 1, '1');
    Add(tree, "otter-8b-Q4_K_M.gguf", 12, '2');
    hub_.SetTree(std::move(tree));
  }

  // A file whose header is remembered.
  void Add(Tree& tree, const std::string& path, uint32_t type, char digit) {
    const formats::GgufModel model = formats::LlamaModel(type);
    gguf::WindowSource file(model.header, model.size_bytes);
    const Entry entry{.path = RepoPath::Parse(path).value(),
                      .size_bytes = model.size_bytes,
                      .blob = BlobId::Parse(std::string(64, digit)).value()};
    headers_.Keep(entry.blob, {.header = gguf::ReadHeader(file).value(), .has_tensors = true});
    tree.entries.push_back(entry);
  }

  // The hub says where the revision stands, and which files are there.
  void AnswerHub() {
    ASSERT_TRUE(hub_.WaitForQuestions(1));
    hub_.Answer();
    ASSERT_TRUE(hub_.WaitForQuestions(2));
    hub_.Answer();
  }

  absl::StatusOr<v1::Fit> Fit(const v1::FitSpec& spec, bool with_hub = true) {
    CallContext context;
    v1::FitRequest request;
    *request.mutable_repo() = Model("acme/otter");
    *request.mutable_spec() = spec;
    v1::FitResponse response;
    grpc::Status status;
    std::thread caller([&] { status = stub_->Fit(&context, request, &response); });
    if (with_hub) AnswerHub();
    caller.join();
    if (!status.ok()) return FromGrpcStatus(status);
    return response.fit();
  }

  std::unique_ptr<v1::FitService::Stub> stub_ = v1::FitService::NewStub(Connect());
};

TEST_F(FitServiceTest, TellsWhatFitsTheMachineOfTheCaller) {
  v1::FitSpec spec;
  spec.mutable_machine()->mutable_memory()->set_total_bytes(64 * kGiB);
  spec.mutable_machine()->mutable_memory()->set_available_bytes(64 * kGiB);
  spec.set_context(4'096);

  ASSERT_OK_AND_ASSIGN(const v1::Fit fit, Fit(spec));

  EXPECT_EQ(fit.chosen(), "F16");
  EXPECT_EQ(fit.commit(), std::string(40, 'a'));
  EXPECT_EQ(fit.machine().memory().total_bytes(), 64 * kGiB);
  EXPECT_EQ(fit.architecture(), "llama");
  EXPECT_EQ(fit.context(), 4'096u);
  EXPECT_EQ(fit.trained_context(), 131'072u);
  EXPECT_FALSE(fit.explanation().empty());
  ASSERT_EQ(fit.candidates_size(), 2);
  const v1::FitCandidate& best = fit.candidates(0);
  EXPECT_EQ(best.label(), "F16");
  ASSERT_EQ(best.files_size(), 1);
  EXPECT_EQ(best.files(0), "otter-8b-F16.gguf");
  EXPECT_TRUE(best.fits());
  EXPECT_TRUE(best.is_exact());
  EXPECT_EQ(best.placement(), "cpu");
  EXPECT_EQ(best.cache_bytes(), 512u << 20);
  EXPECT_GT(best.total_bytes(), best.weights_bytes());
  EXPECT_EQ(fit.requests(), 0u);
}

TEST_F(FitServiceTest, WithoutAMachineThatOfTheDaemonCounts) {
  ASSERT_OK_AND_ASSIGN(const v1::Fit fit, Fit({}));
  EXPECT_EQ(fit.machine().memory().total_bytes(), 12 * kGiB);
  EXPECT_EQ(fit.chosen(), "Q4_K_M");
}

TEST_F(FitServiceTest, ThatNothingFitsIsAnAnswer) {
  v1::FitSpec spec;
  spec.mutable_machine()->mutable_memory()->set_available_bytes(2 * kGiB);
  ASSERT_OK_AND_ASSIGN(const v1::Fit fit, Fit(spec));
  EXPECT_EQ(fit.chosen(), "");
  EXPECT_GT(fit.candidates(1).short_bytes(), 0u);
}

TEST_F(FitServiceTest, RefusesWhatMakesNoSense) {
  v1::FitSpec spec;
  spec.set_cache_type("f8");
  EXPECT_THAT(Fit(spec, false), HasReason(reason::kInvalidArgument));
  spec = {};
  spec.mutable_machine()->mutable_memory()->set_total_bytes(~uint64_t{0});
  EXPECT_THAT(Fit(spec, false), HasReason(reason::kInvalidArgument));
  spec = {};
  for (int i = 0; i < 200; ++i) spec.mutable_machine()->add_devices();
  EXPECT_THAT(Fit(spec, false), HasReason(reason::kInvalidArgument));
  spec = {};
  spec.set_target(static_cast<v1::FitTarget>(99));
  EXPECT_THAT(Fit(spec, false), HasReason(reason::kInvalidArgument));
}

TEST_F(FitServiceTest, APlanForWhatFitsTellsTheWholeStory) {
  const auto jobs = v1::JobService::NewStub(Connect());
  CallContext context;
  v1::PlanPullRequest request;
  *request.mutable_spec()->mutable_repo() = Model("acme/otter");
  request.mutable_spec()->mutable_auto_quantize();
  const auto stream = jobs->PlanPull(&context, request);
  AnswerHub();
  v1::PlanPullResponse plan;
  ASSERT_TRUE(stream->Read(&plan)) << FromGrpcStatus(stream->Finish());
  EXPECT_EQ(plan.fit().chosen(), "Q4_K_M");
  ASSERT_EQ(plan.files_size(), 2);
  EXPECT_EQ(plan.files(0).status(), v1::PullFile::STATUS_SKIPPED);
  EXPECT_EQ(plan.files(0).reason(), "another variant is taken: Q4_K_M");
  EXPECT_EQ(plan.files(1).status(), v1::PullFile::STATUS_PENDING);
}

TEST_F(FitServiceTest, AJobTellsWhatWasChosenAndWhy) {
  const auto jobs = v1::JobService::NewStub(Connect());
  v1::StartPullRequest request;
  *request.mutable_spec()->mutable_repo() = Model("acme/otter");
  request.mutable_spec()->mutable_auto_quantize();
  CallContext context;
  v1::StartPullResponse started;
  ASSERT_TRUE(jobs->StartPull(&context, request, &started).ok());
  AnswerHub();

  v1::Job job;
  ASSERT_TRUE(WaitUntil([&] {
    CallContext again;
    v1::GetJobRequest asked;
    asked.set_job_id(started.job().id());
    v1::GetJobResponse answer;
    if (!jobs->GetJob(&again, asked, &answer).ok()) return false;
    job = answer.job();
    return !job.chosen().empty();
  }));
  EXPECT_EQ(job.chosen(), "Q4_K_M");
  EXPECT_FALSE(job.choice().empty());
}

TEST_F(FitServiceTest, AQuantizationAndWhatFitsExcludeEachOther) {
  const auto jobs = v1::JobService::NewStub(Connect());
  v1::StartPullRequest request;
  *request.mutable_spec()->mutable_repo() = Model("acme/otter");
  request.mutable_spec()->mutable_auto_quantize();
  request.mutable_spec()->set_quantization("Q4_0");
  CallContext context;
  v1::StartPullResponse response;
  EXPECT_THAT(FromGrpcStatus(jobs->StartPull(&context, request, &response)),
              HasReason(reason::kInvalidArgument));
}

}  // namespace

}  // namespace batuta::service
