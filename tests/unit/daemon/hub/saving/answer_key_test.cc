#include "daemon/hub/answer_key.h"

#include <set>
#include <string>

#include <gmock/gmock.h>

namespace batuta::hub {
namespace {

TEST(AnswerKeyTest, DiffersByTokenUrlAndSalt) {
  const std::set<std::string> keys = {AnswerKey("salt", Secret("hf_one"), "https://hub.test/a"),
                                      AnswerKey("salt", Secret("hf_two"), "https://hub.test/a"),
                                      AnswerKey("salt", Secret(), "https://hub.test/a"),
                                      AnswerKey("salt", Secret("hf_one"), "https://hub.test/b"),
                                      AnswerKey("other", Secret("hf_one"), "https://hub.test/a")};
  EXPECT_EQ(keys.size(), 5U);
}

TEST(AnswerKeyTest, IsTheSameForTheSame) {
  EXPECT_EQ(AnswerKey("salt", Secret("hf_one"), "u"), AnswerKey("salt", Secret("hf_one"), "u"));
}

TEST(AnswerKeyTest, WhereTheTokenEndsCounts) {
  EXPECT_NE(AnswerKey("salt", Secret("ab"), "c"), AnswerKey("salt", Secret("a"), "bc"));
}

TEST(AnswerKeyTest, TellsNothing) {
  EXPECT_THAT(AnswerKey("salt", Secret("hf_one"), "https://hub.test/a"),
              testing::MatchesRegex("[0-9a-f]{32}"));
}

}  // namespace
}  // namespace batuta::hub
