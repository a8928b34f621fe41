#include "daemon/jobs/change_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ChangeLogTest, WhoHasSeenNothingIsToldEachFileOnceInTheOrderOfItsLatestChange) {
  ChangeLog log(1'000);
  log.Touch(0);
  log.Touch(1);
  log.Touch(0);
  const ChangeLog::Since since = log.After(0, 10);
  EXPECT_THAT(since.files, ElementsAre(1, 0));
  EXPECT_EQ(since.sequence, log.sequence());
  EXPECT_FALSE(since.more);
}

TEST(ChangeLogTest, WhoIsUpToDateIsToldNothing) {
  ChangeLog log(1'000);
  log.Touch(0);
  EXPECT_THAT(log.After(log.sequence(), 10).files, IsEmpty());
}

TEST(ChangeLogTest, APieceEndsWhereTheNextOneBegins) {
  ChangeLog log(1'000);
  for (uint32_t file = 0; file < 5; ++file) log.Touch(file);
  const ChangeLog::Since first = log.After(0, 2);
  EXPECT_THAT(first.files, ElementsAre(0, 1));
  EXPECT_TRUE(first.more);
  log.Touch(1);
  const ChangeLog::Since second = log.After(first.sequence, 3);
  EXPECT_THAT(second.files, ElementsAre(2, 3, 4));
  EXPECT_TRUE(second.more);
  EXPECT_THAT(log.After(second.sequence, 3).files, ElementsAre(1));
}

TEST(ChangeLogTest, ASequenceOfTheFutureIsOfAnotherDaemon) {
  ChangeLog log(1'000);
  log.Touch(0);
  EXPECT_THAT(log.After(5'000, 10).files, ElementsAre(0));
}

TEST(ChangeLogTest, WithoutFilesOnlyTheSequenceIsTold) {
  ChangeLog log(1'000);
  log.Touch(0);
  const ChangeLog::Since since = log.After(0, 0);
  EXPECT_THAT(since.files, IsEmpty());
  EXPECT_EQ(since.sequence, log.sequence());
  EXPECT_FALSE(since.more);
}

TEST(ChangeLogTest, ManyChangesOfFewFilesAreForgottenButForTheLatest) {
  ChangeLog log(1'000);
  for (int i = 0; i < 100'000; ++i) log.Touch(static_cast<uint32_t>(i % 3));
  EXPECT_THAT(log.After(0, 10).files, ElementsAre(1, 2, 0));
}

}  // namespace
}  // namespace batuta::jobs
