#include "common/types/revision.h"

#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr std::string_view kCommit = "3f1c9a7e5b2d4860fa91c3e7d5b8a2046c1e9f73";

class UsableRevision : public ::testing::TestWithParam<std::string_view> {};

TEST_P(UsableRevision, IsTakenAsWritten) {
  ASSERT_OK_AND_ASSIGN(const Revision revision, Revision::Parse(GetParam()));
  EXPECT_EQ(revision.text(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Revisions, UsableRevision,
                         ::testing::Values("main", "v1.0", "refs/pr/1", "refs/convert/parquet", "HEAD",
                                           "feature/x-y_z", "3f1c9a7", kCommit, "日本", "a@b", "v1.0+cu118",
                                           "a#b", "a%2Fb", "x.locked"));

class UnusableRevision : public ::testing::TestWithParam<std::string_view> {};

TEST_P(UnusableRevision, IsRefused) {
  const auto revision = Revision::Parse(GetParam());
  EXPECT_THAT(revision, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(revision, HasReason("INVALID_REVISION"));
  EXPECT_THAT(HintOf(revision.status()), HasSubstr("branch"));
}

INSTANTIATE_TEST_SUITE_P(Revisions, UnusableRevision,
                         ::testing::Values("", "/", "/main", "main/", "a//b", ".", "..", "a/../b", "../../x",
                                           "a/./b", ".hidden", "a/.b", "a.", "a./b", "a..b", "x.lock",
                                           "x.lock/y", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b",
                                           "@", "a@{1}", "a\nb", std::string_view("a\0b", 3), "a\x7f",
                                           "\xff"));

TEST(RevisionTest, MayHave255Bytes) {
  EXPECT_THAT(Revision::Parse(std::string(255, 'x')), IsOk());
  EXPECT_THAT(Revision::Parse(std::string(256, 'x')), HasReason("INVALID_REVISION"));
}

TEST(RevisionTest, KnowsWhenItIsACommit) {
  ASSERT_OK_AND_ASSIGN(const CommitId commit, CommitId::Parse(kCommit));
  ASSERT_OK_AND_ASSIGN(const Revision spelled, Revision::Parse(kCommit));
  EXPECT_THAT(spelled.AsCommit(), Optional(commit));
  EXPECT_THAT(Revision::From(commit).AsCommit(), Optional(commit));
  EXPECT_EQ(Revision::Main().text(), "main");
  EXPECT_EQ(Revision::Main().AsCommit(), std::nullopt);
  ASSERT_OK_AND_ASSIGN(const Revision prefix, Revision::Parse(kCommit.substr(0, 39)));
  EXPECT_EQ(prefix.AsCommit(), std::nullopt);
}

TEST(CommitIdTest, IsFortyLowerCaseHexCharacters) {
  EXPECT_THAT(CommitId::Parse(kCommit), IsOk());
  const std::string commit(kCommit);
  for (const std::string& text : {std::string(), commit.substr(1), commit + "0", "F" + commit.substr(1),
                                  "g" + commit.substr(1), " " + commit.substr(1), "\n" + commit,
                                  commit + "\n", std::string(64, 'a'), "../" + commit.substr(3)}) {
    EXPECT_THAT(CommitId::Parse(text), HasReason("INVALID_REVISION")) << text;
  }
}

TEST(CommitIdTest, EqualAndHashByHex) {
  ASSERT_OK_AND_ASSIGN(const CommitId a, CommitId::Parse(std::string(40, 'a')));
  ASSERT_OK_AND_ASSIGN(const CommitId b, CommitId::Parse(std::string(40, 'b')));
  EXPECT_LT(a, b);
  EXPECT_EQ((std::unordered_set<CommitId>{a, a, b}).size(), 2u);
  EXPECT_EQ((std::unordered_set<Revision>{Revision::Main(), Revision::Main(), Revision::From(a)}).size(), 2u);
}

}  // namespace
}  // namespace batuta
