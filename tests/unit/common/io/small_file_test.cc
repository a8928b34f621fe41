#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/io/file_system.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using Call = FakeFileSystem::Call;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

TEST(ReadSmallFileTest, ReadsTheWholeFile) {
  FakeFileSystem files;
  files.Put("/d/f", "hello");
  files.Put("/d/empty", "");
  EXPECT_THAT(ReadSmallFile(files, "/d/f"), IsOkAndHolds(std::string("hello")));
  EXPECT_THAT(ReadSmallFile(files, "/d/f", 5), IsOkAndHolds(std::string("hello")));
  EXPECT_THAT(ReadSmallFile(files, "/d/empty", 0), IsOkAndHolds(std::string()));
}

TEST(ReadSmallFileTest, RefusesWhatIsTooLargeOrMissing) {
  FakeFileSystem files;
  files.Put("/d/f", "hello!");
  EXPECT_THAT(ReadSmallFile(files, "/d/f", 5), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(ReadSmallFile(files, "/d/none"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(ReadSmallFileTest, ReadsToTheEndOfAFileLargerThanItSaid) {
  // The kernel makes this file as it is read and says that its size is 0.
  const auto files = MakePosixFileSystem();
  ASSERT_OK_AND_ASSIGN(const std::string content, ReadSmallFile(*files, "/proc/self/status"));
  EXPECT_THAT(content, ::testing::HasSubstr("VmRSS"));
  EXPECT_THAT(ReadSmallFile(*files, "/proc/self/status", 10), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ReplaceFileTest, MakesAndReplaces) {
  FakeFileSystem files;
  files.Put("/d/other", "");
  ASSERT_THAT(ReplaceFile(files, "/d/f", "one"), IsOk());
  ASSERT_THAT(ReplaceFile(files, "/d/f", "two"), IsOk());
  EXPECT_THAT(files.Get("/d/f"), Optional(Eq("two")));
  EXPECT_THAT(files.Paths(), ElementsAre("/d/", "/d/f", "/d/other"));
}

TEST(ReplaceFileTest, ReplacesASymlinkAndNotItsTarget) {
  FakeFileSystem files;
  files.Put("/precious", "keep");
  ASSERT_THAT(files.Symlink("/precious", "/f"), IsOk());
  ASSERT_THAT(ReplaceFile(files, "/f", "new"), IsOk());
  EXPECT_THAT(files.Get("/precious"), Optional(Eq("keep")));
  EXPECT_THAT(files.Get("/f"), Optional(Eq("new")));
}

TEST(ReplaceFileTest, SurvivesAPowerCutOnceDone) {
  FakeFileSystem files;
  files.Put("/d/f", "old");
  ASSERT_THAT(ReplaceFile(files, "/d/f", "new"), IsOk());
  files.CutPower();
  EXPECT_THAT(files.Get("/d/f"), Optional(Eq("new")));
}

TEST(ReplaceFileTest, APowerCutAtAnyStepLeavesTheOldOrTheNewFile) {
  uint64_t steps = 0;
  for (uint64_t n = 1;; ++n) {
    FakeFileSystem files;
    files.Put("/d/f", "old");
    files.CutPowerAtMutation(n);
    const absl::Status status = ReplaceFile(files, "/d/f", "new");
    if (!files.is_down()) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    EXPECT_FALSE(status.ok()) << "step " << n;
    files.Restart();
    EXPECT_THAT(files.Get("/d/f"), Optional(AnyOf(Eq("old"), Eq("new")))) << "step " << n;
    ++steps;
  }
  EXPECT_EQ(steps, 5u) << "make, write, sync, rename, sync the folder";
}

class FailingStep : public ::testing::TestWithParam<Call> {};

TEST_P(FailingStep, KeepsTheOldFileAndLeavesNoTempFile) {
  FakeFileSystem files;
  files.Put("/d/f", "old");
  files.Inject({.error_number = ENOSPC, .call = GetParam()});
  EXPECT_THAT(ReplaceFile(files, "/d/f", "new"), HasReason("DISK_FULL"));
  EXPECT_THAT(files.Get("/d/f"), Optional(Eq("old")));
  EXPECT_THAT(files.Paths(), ElementsAre("/d/", "/d/f"));
}

INSTANTIATE_TEST_SUITE_P(Steps, FailingStep,
                         ::testing::Values(Call::kOpen, Call::kWrite, Call::kSync, Call::kRename));

}  // namespace
}  // namespace batuta
