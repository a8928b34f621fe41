#include "daemon/doctor/folder_probe.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/files/temp_folder.h"

namespace batuta::doctor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(FolderProbe, TriesWhatALocalFileSystemDoes) {
  const TempFolder folder;
  const FolderFacts facts = ProbeFolder(folder.path(), folder / ".locks");
  EXPECT_TRUE(facts.exists);
  EXPECT_THAT(facts.trouble, IsEmpty());
  EXPECT_EQ(facts.owner, getuid());
  EXPECT_FALSE(facts.file_system.empty());
  EXPECT_GT(facts.total_bytes, 0U);
  EXPECT_EQ(facts.locks, Answer::kYes);
  EXPECT_EQ(facts.process_locks, Answer::kYes);
  EXPECT_EQ(facts.rename, Answer::kYes);
  EXPECT_EQ(facts.sync, Answer::kYes);
  EXPECT_EQ(facts.hard_links, Answer::kYes);
  EXPECT_EQ(facts.symlinks, Answer::kYes);
  EXPECT_EQ(facts.case_sensitive, Answer::kYes);
  EXPECT_NE(facts.reflinks, Answer::kUnknown);
  ASSERT_TRUE(facts.clock_ahead.has_value());
  EXPECT_LE(std::abs(facts.clock_ahead->count()), 2);
}

TEST(FolderProbe, LeavesNothingBehind) {
  const TempFolder folder;
  ProbeFolder(folder.path(), folder.path());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(FolderProbe, AFolderThatIsNotThereIsNotMade) {
  const TempFolder folder;
  const FolderFacts facts = ProbeFolder(folder / "a" / "b", folder / "a" / "b");
  EXPECT_FALSE(facts.exists);
  EXPECT_THAT(facts.trouble, IsEmpty()) << "what is above it can be written to";
  EXPECT_GT(facts.total_bytes, 0U) << "the room is that of what is above it";
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(FolderProbe, AFileIsNoFolder) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(ProbeFolder(folder / "file", folder / "file").trouble, HasSubstr("no folder"));
}

TEST(FolderProbe, AFolderBelowAFileCannotBe) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(ProbeFolder(folder / "file" / "sub", folder / "file" / "sub").trouble,
              HasSubstr("Not a directory"));
}

TEST(FolderProbe, SeesThePermissions) {
  const TempFolder folder;
  ASSERT_EQ(chmod(folder.path().c_str(), 0751), 0);
  EXPECT_EQ(ProbeFolder(folder.path(), folder.path()).mode, 0751U);
}

}  // namespace
}  // namespace batuta::doctor
