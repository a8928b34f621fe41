// Bytes of an earlier try must never pass for bytes of a later one.
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/fault/cache/small_pull.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::cache {
namespace {

using ::testing::AnyOf;

// The first try: twenty bytes that turn out to be wrong, made durable.
absl::Status FirstTry(Partial& partial) {
  RETURN_IF_ERROR(WriteText(partial, 0, std::string(20, 'x')));
  return partial.Checkpoint({{0, 20}}, {});
}

// The second: thirty bytes, of which the first ten are made durable.
absl::Status SecondTry(Partial& partial) {
  RETURN_IF_ERROR(WriteText(partial, 0, std::string(10, 'y')));
  RETURN_IF_ERROR(partial.Checkpoint({{0, 10}}, {}));
  RETURN_IF_ERROR(WriteText(partial, 10, std::string(20, 'y')));
  return partial.Journal({{0, 30}}, {});
}

using Scenario = std::function<absl::Status(Cache& cache)>;

absl::StatusOr<std::unique_ptr<Partial>> OpenOtter(Cache& cache) {
  return cache.OpenPartial(Otter(), OtterBlob(), 60);
}

absl::Status StartOverInBetween(Cache& cache) {
  ASSIGN_OR_RETURN(const auto partial, OpenOtter(cache));
  RETURN_IF_ERROR(FirstTry(*partial));
  RETURN_IF_ERROR(partial->StartOver());
  return SecondTry(*partial);
}

absl::Status DiscardInBetween(Cache& cache) {
  {
    ASSIGN_OR_RETURN(const auto partial, OpenOtter(cache));
    RETURN_IF_ERROR(FirstTry(*partial));
    RETURN_IF_ERROR(partial->Discard());
  }
  ASSIGN_OR_RETURN(const auto partial, OpenOtter(cache));
  return SecondTry(*partial);
}

absl::Status OtherSizeInBetween(Cache& cache) {
  {
    ASSIGN_OR_RETURN(const auto partial, cache.OpenPartial(Otter(), OtterBlob(), 50));
    RETURN_IF_ERROR(FirstTry(*partial));
  }
  ASSIGN_OR_RETURN(const auto partial, OpenOtter(cache));
  return SecondTry(*partial);
}

// Every believed byte is of the first try or every one is of the second, and each try is believed only as far
// as it went.
void ExpectOneTryOnly(Machine& machine) {
  ASSERT_OK_AND_ASSIGN(const auto cache, machine.OpenCache());
  ASSERT_OK_AND_ASSIGN(const auto partial, OpenOtter(*cache));
  std::string believed;
  for (const Extent& extent : partial->believed()) {
    ASSERT_OK_AND_ASSIGN(const std::string text, ReadText(*partial, extent));
    ASSERT_EQ(text.size(), extent.end - extent.begin);
    believed += text;
  }
  EXPECT_THAT(believed, AnyOf("", std::string(20, 'x'), std::string(10, 'y'), std::string(30, 'y')));
}

struct Case {
  std::string name;
  Scenario run;
};

class PartialFaultTest : public ::testing::TestWithParam<Case> {
 protected:
  static absl::Status Run(Machine& machine) {
    ASSIGN_OR_RETURN(const auto cache, machine.OpenCache());
    return GetParam().run(*cache);
  }
};

TEST_P(PartialFaultTest, TriesAreNotMixedByAPowerCutBeforeAnyStepOnDisk) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    machine.files.CutPowerAtMutation(n);
    const absl::Status status = Run(machine);
    if (!machine.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    machine.StartAfterPowerCut();
    ExpectOneTryOnly(machine);
    if (HasFailure()) return;
  }
}

TEST_P(PartialFaultTest, TriesAreNotMixedByAPowerCutBeforeAnyWriteOfTheCatalog) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    machine.CutPowerAtCatalogWrite(n);
    const absl::Status status = Run(machine);
    if (!machine.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    machine.StartAfterPowerCut();
    ExpectOneTryOnly(machine);
    if (HasFailure()) return;
  }
}

TEST_P(PartialFaultTest, TriesAreNotMixedByAKillBeforeAnyStepOnDisk) {
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Machine machine;
    machine.files.KillAtMutation(n);
    const absl::Status status = Run(machine);
    if (!machine.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    machine.StartAfterKill();
    ExpectOneTryOnly(machine);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(InBetween, PartialFaultTest,
                         ::testing::Values(Case{"StartOver", StartOverInBetween},
                                           Case{"Discard", DiscardInBetween},
                                           Case{"OtherSize", OtherSizeInBetween}),
                         [](const auto& test) { return test.param.name; });

// What a kill leaves of a transfer that journals: everything up to the last entry.
TEST(PartialResumeTest, AKillLosesNothingThatWasJournalled) {
  Machine machine;
  {
    ASSERT_OK_AND_ASSIGN(const auto cache, machine.OpenCache());
    ASSERT_OK_AND_ASSIGN(const auto partial, OpenOtter(*cache));
    ASSERT_THAT(WriteText(*partial, 0, OtterBytes().substr(0, 40)), IsOk());
    ASSERT_THAT(partial->Journal({{0, 40}}, {}), IsOk());
    machine.files.KillAtMutation(1);
    EXPECT_FALSE(WriteText(*partial, 40, "z").ok());
  }
  machine.StartAfterKill();
  ASSERT_OK_AND_ASSIGN(const auto cache, machine.OpenCache());
  ASSERT_OK_AND_ASSIGN(const auto partial, OpenOtter(*cache));
  EXPECT_THAT(partial->believed(), testing::ElementsAre(Extent{0, 40}));
  EXPECT_THAT(ReadText(*partial, {0, 40}), IsOkAndHolds(OtterBytes().substr(0, 40)));
}

TEST(PartialResumeTest, APowerCutLosesNothingThatWasCheckpointed) {
  Machine machine;
  {
    ASSERT_OK_AND_ASSIGN(const auto cache, machine.OpenCache());
    ASSERT_OK_AND_ASSIGN(const auto partial, OpenOtter(*cache));
    ASSERT_THAT(WriteText(*partial, 0, OtterBytes().substr(0, 40)), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 40}}, {}), IsOk());
    ASSERT_THAT(WriteText(*partial, 40, OtterBytes().substr(40, 10)), IsOk());
    ASSERT_THAT(partial->Journal({{0, 50}}, {}), IsOk());
  }
  machine.StartAfterPowerCut();
  ASSERT_OK_AND_ASSIGN(const auto cache, machine.OpenCache());
  ASSERT_OK_AND_ASSIGN(const auto partial, OpenOtter(*cache));
  EXPECT_THAT(partial->believed(), testing::ElementsAre(Extent{0, 40}));
  EXPECT_THAT(ReadText(*partial, {0, 40}), IsOkAndHolds(OtterBytes().substr(0, 40)));
}

}  // namespace
}  // namespace batuta::cache
