#include "client/commands/flags.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FlagsTest : public ::testing::Test {
 protected:
  FlagsTest() {
    flags_.Required(&type_, "TYPE", "kind", {"model", "dataset"});
    flags_.Optional(&id_, "REPO", "id");
    flags_.Rest(&files_, "FILE", "files");
    flags_.Values(&include_, "--include", "GLOB", "what");
    flags_.Value(&output_, "-o,--output", "DIR", "where");
    flags_.Value(&sort_, "--sort", "S", "by", {"likes", "downloads"});
    flags_.Switch(&dry_run_, "--dry-run", "plan");
    flags_.Number(&limit_, "--limit", "N", "how many", 1, 1000);
    flags_.OptionalValue(&unsafe_, "--allow-unsafe", "CLASSES", "pickle", "admit");
  }

  absl::Status Parse(std::vector<std::string> words) { return flags_.Parse(words); }

  Flags flags_;
  std::string type_;
  std::string id_;
  std::string output_;
  std::string sort_;
  std::vector<std::string> files_;
  std::vector<std::string> include_;
  std::vector<std::string> unsafe_;
  bool dry_run_ = false;
  uint32_t limit_ = 20;
};

TEST_F(FlagsTest, AnEmptyFileNameIsRefused) {
  std::string lock;
  flags_.Path(&lock, "--lock", "FILE", "which");
  EXPECT_THAT(Parse({"model", "--lock", ""}), HasMessage(HasSubstr("--lock needs a name")));
  EXPECT_THAT(Parse({"model", "--lock="}), HasMessage(HasSubstr("--lock needs a name")));
  EXPECT_THAT(Parse({"model", "--lock", "a.lock"}), IsOk());
  EXPECT_EQ(lock, "a.lock");
}

TEST_F(FlagsTest, TakesArgumentsAndFlagsInAnyOrder) {
  EXPECT_THAT(
      Parse({"--dry-run", "model", "-o", "out", "a/b", "--limit=7", "f1", "--include", "*.json", "f2"}),
      IsOk());

  EXPECT_EQ(type_, "model");
  EXPECT_EQ(id_, "a/b");
  EXPECT_THAT(files_, ElementsAre("f1", "f2"));
  EXPECT_THAT(include_, ElementsAre("*.json"));
  EXPECT_EQ(output_, "out");
  EXPECT_EQ(limit_, 7u);
  EXPECT_TRUE(dry_run_);
}

TEST_F(FlagsTest, TakesValuesAsTheyAre) {
  EXPECT_THAT(
      Parse({"model", "--include", "[a-c]*", "--include=[x,y]", "--include", "a=b", "--output=", "-onear"}),
      IsOk());

  EXPECT_THAT(include_, ElementsAre("[a-c]*", "[x,y]", "a=b"));
  EXPECT_EQ(output_, "near");
}

TEST_F(FlagsTest, WhatFollowsTwoDashesIsNoFlag) {
  EXPECT_THAT(Parse({"model", "a/b", "--", "--dry-run", "-o"}), IsOk());

  EXPECT_FALSE(dry_run_);
  EXPECT_THAT(files_, ElementsAre("--dry-run", "-o"));
}

TEST_F(FlagsTest, ABareOptionalValueNeverTakesTheNextWord) {
  EXPECT_THAT(Parse({"model", "--allow-unsafe", "a/b", "--allow-unsafe=code,invalid"}), IsOk());

  EXPECT_EQ(id_, "a/b");
  EXPECT_THAT(unsafe_, ElementsAre("pickle", "code,invalid"));
}

TEST_F(FlagsTest, TheLastOfARepeatedFlagWins) {
  EXPECT_THAT(Parse({"model", "--sort", "likes", "--sort=downloads"}), IsOk());

  EXPECT_EQ(sort_, "downloads");
}

TEST_F(FlagsTest, NamesTheNearestFlagOfAnUnknownOne) {
  const absl::Status status = Parse({"model", "--inclde", "x"});

  EXPECT_THAT(status, HasReason(reason::kInvalidArgument));
  EXPECT_THAT(status, HasMessage(HasSubstr("--inclde")));
  EXPECT_EQ(HintOf(status), "did you mean --include?");
  EXPECT_EQ(HintOf(Parse({"model", "--frobnicate"})), "");
}

TEST_F(FlagsTest, RefusesWhatItCannotUnderstand) {
  const std::vector<std::vector<std::string>> rows = {
      {},                     // TYPE is missing
      {"modle"},              // no such type
      {"model", "--output"},  // no value
      {"model", "--output", "--dry-run"},
      {"model", "--dry-run=yes"},  // a switch has no value
      {"model", "--limit", "0"},
      {"model", "--limit", "1001"},
      {"model", "--limit", "99999999999999999999"},
      {"model", "--limit", "7x"},
      {"model", "--limit="},
      {"model", "--sort", "lieks"},
      {"model", "-x"},
  };
  for (const auto& words : rows) {
    EXPECT_THAT(Parse(words), HasReason(reason::kInvalidArgument)) << ::testing::PrintToString(words);
  }
}

TEST_F(FlagsTest, RefusesASurplusArgument) {
  Flags flags;
  std::string one;
  flags.Optional(&one, "ONE", "x");

  EXPECT_THAT(flags.Parse({"a", "b"}), HasMessage(HasSubstr("unexpected argument \"b\"")));
}

TEST_F(FlagsTest, DescribesItself) {
  EXPECT_EQ(flags_.Usage(), "TYPE [REPO] [FILE…] [flags]");
  EXPECT_THAT(flags_.Describe(), HasSubstr("  -o, --output DIR            where\n"));
  EXPECT_THAT(flags_.Describe(), HasSubstr("      --sort S                by: likes, downloads\n"));
}

}  // namespace
}  // namespace batuta::client
