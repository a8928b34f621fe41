#include "daemon/inventory/pins.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/inventory/leases.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::inventory {
namespace {

using ::testing::HasSubstr;

const RepoId kOtter = *RepoId::Parse(RepoType::kModel, "acme/otter");
const CommitId kCommit = *CommitId::Parse(std::string(40, '3'));
const CommitId kOther = *CommitId::Parse(std::string(40, '4'));

class PinsTest : public ::testing::Test {
 protected:
  PinsTest() { files_.Put("/state/x", ""); }

  std::unique_ptr<Pins> Load() {
    auto pins = Pins::Load("/state/pins.txt", files_);
    EXPECT_THAT(pins, IsOk());
    return *std::move(pins);
  }

  FakeFileSystem files_;
};

TEST_F(PinsTest, OutliveAPowerCut) {
  ASSERT_THAT(Load()->Add({kOtter, std::nullopt, "2026-11-27T18:00:00.000Z", "demo on\nFriday"}), IsOk());
  files_.CutPower();

  const auto pins = Load();

  EXPECT_EQ(pins->Of(kOtter, kCommit), "demo on Friday");
  ASSERT_EQ(pins->All().size(), 1U);
  EXPECT_EQ(pins->All().front().since, "2026-11-27T18:00:00.000Z");
}

TEST_F(PinsTest, OfOneCommitHoldsForThatOneOnly) {
  const auto pins = Load();
  ASSERT_THAT(pins->Add({kOtter, kCommit, "2026-11-27", ""}), IsOk());

  EXPECT_EQ(pins->Of(kOtter, kCommit), "");
  EXPECT_EQ(pins->Of(kOtter, kOther), std::nullopt);
  EXPECT_THAT(pins->Remove(kOtter, kOther), IsOkAndHolds(0U));
  EXPECT_THAT(pins->Remove(kOtter, std::nullopt), IsOkAndHolds(1U));
  EXPECT_EQ(Load()->Of(kOtter, kCommit), std::nullopt);
}

TEST_F(PinsTest, OfSeveralOwnersStandBesideEachOther) {
  constexpr uint32_t kAna = 1001;
  constexpr uint32_t kBen = 1002;
  ASSERT_THAT(Load()->Add({kOtter, std::nullopt, "2026-11-27", "ana's", kAna}), IsOk());
  const auto pins = Load();
  ASSERT_THAT(pins->Add({kOtter, std::nullopt, "2026-11-27", "ben's", kBen}), IsOk());
  EXPECT_THAT(pins->Remove(kOtter, std::nullopt, kAna), IsOkAndHolds(1U));
  EXPECT_EQ(pins->Of(kOtter, kCommit), "ben's");
  ASSERT_EQ(Load()->All().size(), 1U);
  EXPECT_EQ(Load()->All().front().owner, kBen);
  EXPECT_THAT(pins->Remove(kOtter, std::nullopt), IsOkAndHolds(1U));
}

TEST_F(PinsTest, AgainIsTheSamePinWithAnotherReason) {
  const auto pins = Load();
  ASSERT_THAT(pins->Add({kOtter, std::nullopt, "2026-11-27", "one"}), IsOk());
  ASSERT_THAT(pins->Add({kOtter, std::nullopt, "2026-11-28", "two"}), IsOk());

  EXPECT_EQ(pins->All().size(), 1U);
  EXPECT_EQ(pins->Of(kOtter, kCommit), "two");
}

TEST_F(PinsTest, LinesThatPeopleWroteAreReadOrKept) {
  files_.Put("/state/pins.txt", "# mine\nmodel acme/otter * 2026-11-27 by hand\nnonsense\n");
  const auto pins = Load();
  EXPECT_EQ(pins->Of(kOtter, kCommit), "by hand");

  ASSERT_THAT(pins->Add({kOtter, kCommit, "2026-11-27", ""}), IsOk());

  EXPECT_THAT(files_.Get("/state/pins.txt").value_or(""), HasSubstr("# mine\nnonsense\n"));
  EXPECT_EQ(Load()->All().size(), 2U);
}

TEST_F(PinsTest, AFailedWriteChangesNothing) {
  const auto pins = Load();
  files_.Inject({ENOSPC, FakeFileSystem::Call::kWrite, "", 0, 1});

  EXPECT_THAT(pins->Add({kOtter, std::nullopt, "2026-11-27", ""}), HasReason("DISK_FULL"));

  EXPECT_EQ(pins->Of(kOtter, kCommit), std::nullopt);
}

TEST(LeasesTest, CountOfTheCommitAndOfTheWholeRepo) {
  Leases leases;
  {
    const Leases::Lease of_commit = leases.Take(kOtter, kCommit);
    Leases::Lease of_repo = leases.Take(kOtter, std::nullopt);
    EXPECT_EQ(leases.Count(kOtter, kCommit), 2U);
    EXPECT_EQ(leases.Count(kOtter, kOther), 1U);
    of_repo = leases.Take(kOtter, kOther);
    EXPECT_EQ(leases.Count(kOtter, kCommit), 1U);
  }
  EXPECT_EQ(leases.Count(kOtter, kCommit), 0U);
  EXPECT_EQ(leases.Count(kOtter, kOther), 0U);
}

}  // namespace
}  // namespace batuta::inventory
