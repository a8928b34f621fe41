// The power goes, the process is killed or the disk refuses, at every single step of a pull.
#include <cerrno>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/cache/small_pull.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::cache {
namespace {

using Call = FakeFileSystem::Call;
using ::testing::AnyOf;

constexpr Call kAllCalls[] = {Call::kOpen,       Call::kWrite,       Call::kRead,   Call::kSync,
                              Call::kTruncate,   Call::kLock,        Call::kInfo,   Call::kRename,
                              Call::kSymlink,    Call::kLink,        Call::kRemove, Call::kMakeFolders,
                              Call::kSyncFolder, Call::kReadSymlink, Call::kList,   Call::kSpace};
constexpr Call kWritingCalls[] = {Call::kOpen,        Call::kWrite,     Call::kSync, Call::kTruncate,
                                  Call::kRename,      Call::kSymlink,   Call::kLink, Call::kRemove,
                                  Call::kMakeFolders, Call::kSyncFolder};

struct Disk {
  std::string name;
  bool has_symlinks = true;
  bool has_hard_links = true;
};

class CacheFaultTest : public ::testing::TestWithParam<Disk> {
 protected:
  static void MakeDisk(FakeFileSystem& files) {
    if (!GetParam().has_symlinks) files.Inject({EPERM, Call::kSymlink, "", 0, FakeFileSystem::kForEver});
    if (!GetParam().has_hard_links) files.Inject({EPERM, Call::kLink, "", 0, FakeFileSystem::kForEver});
  }

  // Opening and pulling again must find nothing wrong and finish.
  static void ExpectTheNextPullFinishes(Machine& machine) {
    ExpectNothingWrongIsVisible(machine.files);
    EXPECT_THAT(machine.Pull(), IsOk());
    ExpectNothingWrongIsVisible(machine.files);
    ExpectWholePull(machine.files);
  }
};

TEST_P(CacheFaultTest, APowerCutBeforeAnyStepOnDisk) {
  uint64_t n = 1;
  for (;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    MakeDisk(machine.files);
    machine.files.CutPowerAtMutation(n);
    const absl::Status status = machine.Pull();
    if (!machine.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    machine.StartAfterPowerCut();
    ExpectTheNextPullFinishes(machine);
    if (HasFailure()) return;
  }
  EXPECT_GT(n, 40U) << "the pull took fewer steps than it must have";
}

TEST_P(CacheFaultTest, APowerCutAfterThePullLosesNothing) {
  Machine machine;
  MakeDisk(machine.files);
  ASSERT_THAT(machine.Pull(), IsOk());
  machine.StartAfterPowerCut();
  ExpectNothingWrongIsVisible(machine.files);
  ASSERT_THAT(machine.OpenCache(), IsOk());
  ExpectWholePull(machine.files);
}

TEST_P(CacheFaultTest, APowerCutBeforeAnyStepOfTheSecondRunToo) {
  for (uint64_t first = 5; first < 60; first += 9) {
    for (uint64_t second = 1;; ++second) {
      SCOPED_TRACE(testing::Message() << first << ", then " << second);
      Machine machine;
      MakeDisk(machine.files);
      machine.files.CutPowerAtMutation(first);
      EXPECT_FALSE(machine.Pull().ok());
      machine.StartAfterPowerCut();
      machine.files.CutPowerAtMutation(second);
      const absl::Status status = machine.Pull();
      if (!machine.is_down()) {
        EXPECT_THAT(status, IsOk());
        break;
      }
      machine.StartAfterPowerCut();
      ExpectTheNextPullFinishes(machine);
      if (HasFailure()) return;
    }
  }
}

TEST_P(CacheFaultTest, APowerCutBeforeAnyWriteOfTheCatalog) {
  uint64_t n = 1;
  for (;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    MakeDisk(machine.files);
    machine.CutPowerAtCatalogWrite(n);
    const absl::Status status = machine.Pull();
    if (!machine.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    machine.StartAfterPowerCut();
    ExpectTheNextPullFinishes(machine);
    if (HasFailure()) return;
  }
  EXPECT_GT(n, 5U) << "the pull wrote less than it must have";
}

TEST_P(CacheFaultTest, AKillBeforeAnyStepOnDisk) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    MakeDisk(machine.files);
    machine.files.KillAtMutation(n);
    const absl::Status status = machine.Pull();
    if (!machine.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    machine.StartAfterKill();
    ExpectTheNextPullFinishes(machine);
    if (HasFailure()) return;
  }
}

// A single call fails: the pull says so clearly, or it did not matter; and after it all is as after a crash.
TEST_P(CacheFaultTest, AnyCallThatFailsOnceIsAClearErrorAndHarmless) {
  uint64_t calls = 0;
  {
    Machine machine;
    MakeDisk(machine.files);
    ASSERT_THAT(machine.Pull(), IsOk());
    for (const Call call : kAllCalls) calls += machine.files.calls(call);
  }
  for (const auto& [error_number, reason] :
       {std::pair(ENOSPC, "DISK_FULL"), std::pair(EIO, "STORAGE_FAILED")}) {
    for (uint64_t n = 0; n < calls; ++n) {
      SCOPED_TRACE(testing::Message() << reason << " at call " << n);
      Machine machine;
      MakeDisk(machine.files);
      machine.files.Inject({error_number, std::nullopt, "", n, 1});
      const absl::Status status = machine.Pull();
      EXPECT_THAT(status, AnyOf(IsOk(), HasReason(reason)));
      machine.files.ClearFaults();
      MakeDisk(machine.files);
      ExpectTheNextPullFinishes(machine);
      if (HasFailure()) return;
    }
  }
}

// The disk fills up, or breaks, at some step and stays so.
TEST_P(CacheFaultTest, ADiskThatFailsFromSomeStepOnIsAClearErrorAndHarmless) {
  for (const auto& [error_number, reason] :
       {std::pair(ENOSPC, "DISK_FULL"), std::pair(EIO, "STORAGE_FAILED")}) {
    for (const Call call : kWritingCalls) {
      for (uint64_t n = 0;; ++n) {
        SCOPED_TRACE(testing::Message()
                     << reason << " from call " << n << " of kind " << static_cast<int>(call));
        Machine machine;
        MakeDisk(machine.files);
        machine.files.Inject({error_number, call, "", n, FakeFileSystem::kForEver});
        const absl::Status status = machine.Pull();
        const bool was_reached = machine.files.calls(call) > n;
        EXPECT_THAT(status, AnyOf(IsOk(), HasReason(reason)));
        machine.files.ClearFaults();
        MakeDisk(machine.files);
        ExpectTheNextPullFinishes(machine);
        if (HasFailure()) return;
        if (!was_reached) break;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Disks, CacheFaultTest,
                         ::testing::Values(Disk{"Ordinary"}, Disk{"NoSymlinks", false, true},
                                           Disk{"NoLinksAtAll", false, false}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace batuta::cache
