// The power goes, or the process is killed, at every single step of taking a damaged file out of the view.
#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/cache/small_pull.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::cache {
namespace {

using ::testing::Eq;
using ::testing::IsEmpty;

const std::string kBlobPath = std::string(kRepoFolder) + "/blobs/" + OtterBlob().hex();
constexpr const char* kTwinFolder = "/hub/models--acme--twin";

RepoId Twin() {
  return *RepoId::Parse(RepoType::kModel, "acme/twin");
}

std::string DamagedBytes() {
  std::string bytes = OtterBytes();
  bytes[30] = '!';
  return bytes;
}

// A pulled repo, and another one that has the same file on the disk, which is known to be right and is not.
class DamagedMachine {
 public:
  DamagedMachine() {
    EXPECT_THAT(machine_.Pull(), IsOk());
    const std::string blobs = std::string(kTwinFolder) + "/blobs";
    const std::string snapshot = std::string(kTwinFolder) + "/snapshots/" + OtterCommit().hex();
    EXPECT_THAT(machine_.files.MakeFolders(blobs), IsOk());
    EXPECT_THAT(machine_.files.Link(kBlobPath, blobs + "/" + OtterBlob().hex()), IsOk());
    EXPECT_THAT(machine_.files.MakeFolders(snapshot), IsOk());
    EXPECT_THAT(machine_.files.Symlink("../../blobs/" + OtterBlob().hex(), snapshot + "/m.onnx"), IsOk());
    machine_.files.Put(kBlobPath, DamagedBytes());
    machine_.files.SyncAll();
    file_ = *machine_.files.Info(kBlobPath);
    EXPECT_THAT(verified_.Record({{file_, OtterBlob()}}), IsOk());
    EXPECT_THAT(machine_.store.Write({}, metadata::Durability::kPower), IsOk());
  }

  absl::Status Withdraw() {
    ASSIGN_OR_RETURN(const auto cache, OpenCache());
    const Damage damage{file_, OtterBlob(), OtterBytes().size(), {{0, 20}, {40, 60}}, {}};
    for (const RepoId& repo : {Otter(), Twin()}) {
      RETURN_IF_ERROR(cache->Withdraw({repo, OtterBlob().hex()}, damage).status());
    }
    return absl::OkStatus();
  }

  // Whatever stage it was interrupted in: no link leads to nothing, no ref to no snapshot, no other damage
  // than before is in the view, and as soon as a link has gone nobody believes the file any more.
  void ExpectConsistent() {
    const auto cache = OpenCache();
    ASSERT_THAT(cache, IsOk());
    size_t links = 0;
    for (const RepoId& repo : {Otter(), Twin()}) {
      const auto survey = (*cache)->Survey(repo);
      ASSERT_THAT(survey, IsOk());
      EXPECT_THAT(survey->bad_refs, IsEmpty());
      for (const SurveyedSnapshot& snapshot : survey->snapshots) {
        EXPECT_THAT(snapshot.broken_links, IsEmpty());
        for (const SurveyedFile& file : snapshot.files) links += file.blob == OtterBlob().hex() ? 1U : 0U;
      }
    }
    const auto bytes = machine_.files.Get(kBlobPath);
    EXPECT_TRUE(!bytes.has_value() || *bytes == DamagedBytes());
    if (links == 3) return;
    EXPECT_THAT(verified_.WhenFound(file_, OtterBlob()), IsOkAndHolds(Eq(std::nullopt)));
  }

  void ExpectOutOfView() {
    EXPECT_EQ(machine_.files.Get(kBlobPath), std::nullopt);
    EXPECT_EQ(machine_.files.Get(std::string(kTwinFolder) + "/blobs/" + OtterBlob().hex()), std::nullopt);
  }

  // The next pull believes only what is right, which it checks on its way.
  void ExpectPullMends() {
    EXPECT_THAT(machine_.Pull(), IsOk());
    EXPECT_EQ(machine_.files.Get(kBlobPath), OtterBytes());
  }

  absl::StatusOr<std::unique_ptr<Cache>> OpenCache() {
    return Cache::Open({kRoot, "boot-1", &verified_}, machine_.files, machine_.store);
  }

  Machine machine_;

 private:
  FakeClock clock_;
  VerifiedFiles verified_{machine_.store, clock_};
  FileInfo file_;
};

TEST(QuarantineFaultTest, APowerCutBeforeAnyStepLeavesNothingDangling) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    DamagedMachine damaged;
    damaged.machine_.files.CutPowerAtMutation(n);
    const absl::Status status = damaged.Withdraw();
    if (!damaged.machine_.is_down()) {
      EXPECT_THAT(status, IsOk());
      EXPECT_GT(n, 8U) << "it took fewer steps than it must have";
      damaged.ExpectOutOfView();
      break;
    }
    damaged.machine_.StartAfterPowerCut();
    damaged.ExpectConsistent();
    EXPECT_THAT(damaged.Withdraw(), IsOk()) << "the second try";
    damaged.ExpectConsistent();
    damaged.ExpectOutOfView();
    damaged.ExpectPullMends();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(QuarantineFaultTest, APowerCutBeforeAnyWriteOfTheCatalogLeavesNothingDangling) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    DamagedMachine damaged;
    damaged.machine_.CutPowerAtCatalogWrite(n);
    damaged.Withdraw().IgnoreError();
    if (!damaged.machine_.is_down()) {
      EXPECT_GT(n, 2U);
      break;
    }
    damaged.machine_.StartAfterPowerCut();
    damaged.ExpectConsistent();
    EXPECT_THAT(damaged.Withdraw(), IsOk());
    damaged.ExpectOutOfView();
    damaged.ExpectPullMends();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(QuarantineFaultTest, AKillBeforeAnyStepLeavesNothingDangling) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    DamagedMachine damaged;
    damaged.machine_.files.KillAtMutation(n);
    damaged.Withdraw().IgnoreError();
    if (!damaged.machine_.is_down()) break;
    damaged.machine_.StartAfterKill();
    damaged.ExpectConsistent();
    EXPECT_THAT(damaged.Withdraw(), IsOk());
    damaged.ExpectOutOfView();
    damaged.ExpectPullMends();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(QuarantineFaultTest, ADiskThatFailsOnceAtAnyStepLeavesNothingDangling) {
  for (uint64_t n = 0; n < 120; ++n) {
    SCOPED_TRACE(n);
    DamagedMachine damaged;
    damaged.machine_.files.Inject({EIO, std::nullopt, "", n, 1});
    damaged.Withdraw().IgnoreError();
    damaged.machine_.files.ClearFaults();
    damaged.ExpectConsistent();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace batuta::cache
