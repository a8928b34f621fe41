// The power goes, or the process is killed, at every single step of a removal.
#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/cache/small_pull.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::cache {
namespace {

using ::testing::IsEmpty;

std::vector<std::string> AllPaths() {
  std::vector<std::string> paths;
  for (const Entry& entry : OtterEntries()) paths.push_back(entry.path.text());
  return paths;
}

absl::Status RemoveOtter(Machine& machine, const std::vector<std::string>& paths) {
  ASSIGN_OR_RETURN(const auto cache, machine.OpenCache());
  return cache->Remove(Otter(), OtterCommit(), paths, [] { return true; }).status();
}

// Whatever stage it was interrupted in: no link leads to nothing, no ref to no snapshot, no blob is torn.
void ExpectConsistent(Machine& machine) {
  auto cache = machine.OpenCache();
  ASSERT_THAT(cache, IsOk());
  const auto survey = (*cache)->Survey(Otter());
  ASSERT_THAT(survey, IsOk());
  EXPECT_THAT(survey->bad_refs, IsEmpty());
  for (const SurveyedSnapshot& snapshot : survey->snapshots) EXPECT_THAT(snapshot.broken_links, IsEmpty());
  const std::string blobs = std::string(kRepoFolder) + "/blobs/";
  const auto bytes = machine.files.Get(blobs + OtterBlob().hex());
  EXPECT_TRUE(!bytes.has_value() || *bytes == OtterBytes());
}

class RemoveFaultTest : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(RemoveFaultTest, APowerCutBeforeAnyStepLeavesNothingDangling) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    ASSERT_THAT(machine.Pull(), IsOk());
    machine.files.CutPowerAtMutation(n);
    const absl::Status status = RemoveOtter(machine, GetParam());
    if (!machine.is_down()) {
      EXPECT_THAT(status, IsOk());
      EXPECT_GT(n, 5U) << "the removal took fewer steps than it must have";
      break;
    }
    machine.StartAfterPowerCut();
    ExpectConsistent(machine);
    EXPECT_THAT(RemoveOtter(machine, GetParam()), IsOk()) << "the second try";
    ExpectConsistent(machine);
    EXPECT_THAT(machine.Pull(), IsOk());
    ExpectWholePull(machine.files);
    if (HasFailure()) return;
  }
}

TEST_P(RemoveFaultTest, AKillBeforeAnyStepLeavesNothingDangling) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    ASSERT_THAT(machine.Pull(), IsOk());
    machine.files.KillAtMutation(n);
    RemoveOtter(machine, GetParam()).IgnoreError();
    if (!machine.is_down()) break;
    machine.StartAfterKill();
    ExpectConsistent(machine);
    EXPECT_THAT(machine.Pull(), IsOk());
    ExpectWholePull(machine.files);
    if (HasFailure()) return;
  }
}

TEST_P(RemoveFaultTest, ADiskThatFailsOnceAtAnyStepLeavesNothingDangling) {
  for (uint64_t n = 0; n < 200; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    ASSERT_THAT(machine.Pull(), IsOk());
    const auto cache = machine.OpenCache();
    ASSERT_THAT(cache, IsOk());
    machine.files.Inject({EIO, std::nullopt, "", n, 1});
    (*cache)->Remove(Otter(), OtterCommit(), GetParam(), [] { return true; }).IgnoreError();
    machine.files.ClearFaults();
    ExpectConsistent(machine);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, RemoveFaultTest,
                         ::testing::Values(AllPaths(), std::vector<std::string>{"onnx/model.onnx"},
                                           std::vector<std::string>{"onnx/model.onnx", "onnx/twin.onnx"}),
                         [](const auto& test) {
                           return test.param.size() == 3   ? "All"
                                  : test.param.size() == 2 ? "OneBlob"
                                                           : "OneOfTwoLinks";
                         });

}  // namespace
}  // namespace batuta::cache
