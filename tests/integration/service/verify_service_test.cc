// CacheService.Verify.

#include <filesystem>
#include <fstream>
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

const std::string kCommit(40, '3');

class VerifyServiceTest : public ServiceFixture {
 protected:
  // A file whose bytes are not what its name says.
  void GivenDamage(const std::string& folder, const std::string& path, size_t size_bytes = 10) {
    const std::filesystem::path repo = folder_ / "hub" / folder;
    const std::string blob(64, 'b');
    std::filesystem::create_directories(repo / "blobs");
    std::filesystem::create_directories(repo / "snapshots" / kCommit);
    std::filesystem::create_directories(repo / "refs");
    std::ofstream(repo / "blobs" / blob) << std::string(size_bytes, 'x');
    std::filesystem::create_symlink("../../blobs/" + blob, repo / "snapshots" / kCommit / path);
    std::ofstream(repo / "refs/main") << kCommit;
  }

  struct Outcome {
    std::vector<v1::VerifyFinding> findings;
    v1::VerifyResponse last;
    absl::Status status;
  };

  Outcome Verify(const v1::VerifyRequest& request) {
    CallContext context;
    const auto reader = stub_->Verify(&context, request);
    Outcome outcome;
    v1::VerifyResponse response;
    while (reader->Read(&response)) {
      for (const v1::VerifyFinding& finding : response.findings()) outcome.findings.push_back(finding);
      outcome.last = response;
    }
    outcome.status = FromGrpcStatus(reader->Finish());
    return outcome;
  }

  std::unique_ptr<v1::CacheService::Stub> stub_ = v1::CacheService::NewStub(Connect());
};

TEST_F(VerifyServiceTest, TellsFindingsAndNamesTheJobsThatMendThem) {
  GivenDamage("models--acme--otter", "model.gguf");
  v1::VerifyRequest request;
  request.set_repair(true);
  const Outcome outcome = Verify(request);
  EXPECT_THAT(outcome.status, IsOk());
  ASSERT_EQ(outcome.findings.size(), 1u);
  EXPECT_EQ(outcome.findings[0].repo().id(), "acme/otter");
  EXPECT_EQ(outcome.findings[0].commit(), kCommit);
  EXPECT_EQ(outcome.findings[0].path(), "model.gguf");
  EXPECT_EQ(outcome.findings[0].problem(), v1::VerifyFinding::PROBLEM_DAMAGED);
  EXPECT_EQ(outcome.last.checked_files(), 1u);
  ASSERT_EQ(outcome.last.job_ids_size(), 1);
  const auto job =
      OnCore([&] { return jobs_->Get({.uid = kOwner, .tool = ""}, outcome.last.job_ids(0)).value(); });
  EXPECT_EQ(job.record.owner.uid, kOwner);
  EXPECT_EQ(job.record.pull().revision.text(), kCommit);
  EXPECT_THAT(job.record.pull().selection.paths, testing::ElementsAre("model.gguf"));
}

TEST_F(VerifyServiceTest, WithoutRepairNothingIsPulled) {
  GivenDamage("models--acme--otter", "model.gguf");
  const Outcome outcome = Verify({});
  EXPECT_THAT(outcome.status, IsOk());
  EXPECT_EQ(outcome.findings.size(), 1u);
  EXPECT_EQ(outcome.last.job_ids_size(), 0);
}

TEST_F(VerifyServiceTest, AnEmptyCacheIsAllRight) {
  const Outcome outcome = Verify({});
  EXPECT_THAT(outcome.status, IsOk());
  EXPECT_EQ(outcome.findings.size(), 0u);
}

TEST_F(VerifyServiceTest, WhatIsNotCachedOrMakesNoSenseIsRefused) {
  v1::VerifyRequest unknown;
  *unknown.add_repos() = Model("acme/none");
  EXPECT_THAT(Verify(unknown).status, HasReason(reason::kOfflineMiss));

  v1::VerifyRequest homeless;
  homeless.set_revision("main");
  EXPECT_THAT(Verify(homeless).status, HasReason(reason::kInvalidArgument));

  v1::VerifyRequest hostile;
  *hostile.add_repos() = Model("../../etc");
  EXPECT_THAT(Verify(hostile).status, HasReason(reason::kInvalidRepoId));
}

TEST_F(VerifyServiceTest, ACallThatIsGivenUpReadsNoFurther) {
  GivenDamage("models--acme--otter", "model.gguf", 1 << 20);
  v1::VerifyRequest request;
  request.set_limit_bytes_per_second(100'000);
  CallContext context;
  const auto reader = stub_->Verify(&context, request);
  v1::VerifyResponse response;
  ASSERT_TRUE(reader->Read(&response)) << "about once a second";
  context.TryCancel();
  reader->Finish();
  EXPECT_TRUE(HasNoCalls());
  EXPECT_TRUE(
      std::filesystem::exists(folder_ / "hub/models--acme--otter/snapshots" / kCommit / "model.gguf"));
}

TEST_F(VerifyServiceTest, TheStopOfTheDaemonEndsIt) {
  GivenDamage("models--acme--otter", "model.gguf", 1 << 20);
  v1::VerifyRequest request;
  request.set_limit_bytes_per_second(10'000);
  CallContext context;
  const auto reader = stub_->Verify(&context, request);
  ASSERT_TRUE(WaitUntil([this] { return calls_.running() == 1; }));
  EXPECT_TRUE(StopServing());
  v1::VerifyResponse response;
  while (reader->Read(&response)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

}  // namespace

}  // namespace batuta::service
