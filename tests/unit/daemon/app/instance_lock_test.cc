#include "daemon/app/instance_lock.h"

#include <fstream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::app {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kSocket = "/run/user/7/batutad.sock";

class InstanceLockTest : public testing::Test {
 protected:
  TempFolder folder_;
  const std::filesystem::path state_ = folder_ / "deep" / "state";
};

TEST_F(InstanceLockTest, MakesItsFolderForTheUserAlone) {
  ASSERT_OK_AND_ASSIGN(const InstanceLock lock, InstanceLock::Take(state_, kSocket));

  struct stat info {};

  ASSERT_EQ(stat(state_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(InstanceLockTest, SecondTakerLearnsWhichProcessHoldsIt) {
  ASSERT_OK_AND_ASSIGN(const InstanceLock lock, InstanceLock::Take(state_, kSocket));
  const absl::StatusOr<InstanceLock> second = InstanceLock::Take(state_, kSocket);
  EXPECT_THAT(
      second,
      AllOf(StatusIs(absl::StatusCode::kFailedPrecondition), HasReason(reason::kDaemonBusy),
            HasMessage(AllOf(HasSubstr(fmt::format("process {} ", getpid())), HasSubstr(state_.string())))));
  EXPECT_THAT(HintOf(second.status()), HasSubstr("batuta daemon stop"));
}

TEST_F(InstanceLockTest, SecondTakerForAnotherSocketLearnsWhereTheFirstListens) {
  ASSERT_OK_AND_ASSIGN(const InstanceLock lock, InstanceLock::Take(state_, "/elsewhere/d.sock"));
  const absl::StatusOr<InstanceLock> second = InstanceLock::Take(state_, kSocket);
  EXPECT_THAT(second, AllOf(HasReason(reason::kDaemonBusy), HasMessage(HasSubstr("/elsewhere/d.sock"))));
  EXPECT_THAT(HintOf(second.status()), HasSubstr("BATUTA_SOCKET=/elsewhere/d.sock"));
  EXPECT_TRUE(DetailsOf(second.status()).facts.contains("elsewhere"));
  const absl::StatusOr<InstanceLock> same = InstanceLock::Take(state_, "/elsewhere/d.sock");
  EXPECT_FALSE(DetailsOf(same.status()).facts.contains("elsewhere"));
}

TEST_F(InstanceLockTest, FolderIsFreeOnceTheHolderIsGone) {
  { ASSERT_OK_AND_ASSIGN(const InstanceLock lock, InstanceLock::Take(state_, kSocket)); }
  EXPECT_THAT(InstanceLock::Take(state_, kSocket), IsOk());
}

TEST_F(InstanceLockTest, TwoFoldersHaveTwoHolders) {
  ASSERT_OK_AND_ASSIGN(const InstanceLock lock, InstanceLock::Take(state_, kSocket));
  EXPECT_THAT(InstanceLock::Take(folder_ / "other", kSocket), IsOk());
}

TEST_F(InstanceLockTest, WhatAStrangeHolderWroteIsShownSafely) {
  std::filesystem::create_directories(state_);
  std::ofstream(state_ / "daemon.lock") << "\x1b[2J" << std::string(100'000, 'x');
  const UniqueFd holder(open((state_ / "daemon.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(holder.get(), LOCK_EX | LOCK_NB), 0);
  const absl::StatusOr<InstanceLock> lock = InstanceLock::Take(state_, kSocket);
  EXPECT_THAT(lock, AllOf(HasReason(reason::kDaemonBusy), HasMessage(Not(HasSubstr("\x1b")))));
  EXPECT_LT(MessageOf(lock.status()).size(), 500);
}

TEST_F(InstanceLockTest, HolderThatHasNotWrittenItsNameYetIsAnotherProcess) {
  std::filesystem::create_directories(state_);
  const UniqueFd holder(open((state_ / "daemon.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(holder.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_THAT(InstanceLock::Take(state_, kSocket), HasMessage(HasSubstr("another process")));
}

TEST_F(InstanceLockTest, LinkInPlaceOfTheLockIsNotFollowed) {
  std::filesystem::create_directories(state_);
  std::ofstream(folder_ / "precious") << "text";
  std::filesystem::create_symlink(folder_ / "precious", state_ / "daemon.lock");
  EXPECT_THAT(InstanceLock::Take(state_, kSocket), Not(IsOk()));
  EXPECT_EQ(std::filesystem::file_size(folder_ / "precious"), 4);
}

TEST_F(InstanceLockTest, FileInPlaceOfTheFolderIsAnErrorThatNamesIt) {
  std::ofstream(folder_ / "file") << "text";
  EXPECT_THAT(InstanceLock::Take(folder_ / "file", kSocket),
              HasMessage(HasSubstr((folder_ / "file").string())));
  EXPECT_THAT(InstanceLock::Take(folder_ / "file" / "state", kSocket), HasMessage(HasSubstr("state")));
}

}  // namespace

}  // namespace batuta::app
