#include "daemon/card/completion.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::card {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<Field> kFields = {{"license", {"license: mit"}},
                                    {"base_model", {"base_model: acme/otter"}},
                                    {"base_model_relation", {"base_model_relation: adapter"}},
                                    {"tags", {"tags:", "- lora", "- 'no'"}}};

std::string Completed(std::string_view readme) {
  const absl::StatusOr<Completion> completion = CompleteCard(readme, kFields);
  return completion.ok() ? completion->text : std::string(MessageOf(completion.status()));
}

TEST(CompleteCardTest, MissingFieldsComeBelowTheAuthorsOwn) {
  EXPECT_EQ(Completed("---\n# mine\ntags: [a] # b\nlanguage: en\n---\ntext\n"),
            "---\n# mine\ntags: [a] # b\nlanguage: en\nlicense: mit\nbase_model: acme/otter\n"
            "base_model_relation: adapter\n---\ntext\n");
}

TEST(CompleteCardTest, LineEndsAreTheAuthors) {
  EXPECT_EQ(Completed("---\r\nlicense: x\r\nbase_model: y\r\n---\r\ntext"),
            "---\r\nlicense: x\r\nbase_model: y\r\ntags:\r\n- lora\r\n- 'no'\r\n---\r\ntext");
  EXPECT_EQ(Completed("# Otter\r\n").substr(0, 19), "---\r\nlicense: mit\r\n");
}

TEST(CompleteCardTest, WithoutMetadataItIsPutInFront) {
  const std::string metadata =
      "---\nlicense: mit\nbase_model: acme/otter\nbase_model_relation: adapter\ntags:\n- lora\n- 'no'\n---\n";
  EXPECT_EQ(Completed("# Otter"), metadata + "\n# Otter");
  EXPECT_EQ(Completed(""), metadata);
  EXPECT_EQ(Completed("---\n\nA rule above.\n"), metadata + "\n---\n\nA rule above.\n");
  EXPECT_EQ(Completed("\xEF\xBB\xBF# Otter\n"), "\xEF\xBB\xBF" + metadata + "\n# Otter\n");
}

TEST(CompleteCardTest, AnIndentedOrEmptyMetadataIsGoneOn) {
  EXPECT_THAT(Completed("\n---\n  license: x\n  base_model: y\n---   \n"),
              HasSubstr("  base_model: y\n  tags:\n  - lora\n"));
  EXPECT_THAT(Completed("---\n---\ntext"), HasSubstr("---\nlicense: mit\n"));
  EXPECT_THAT(Completed("---\n# nothing yet\n---"), HasSubstr("# nothing yet\nlicense: mit\n"));
}

TEST(CompleteCardTest, TextInBlocksKeepsItsBlankLines) {
  const std::string readme = "---\nlicense: x\nprompt: |+\n  kind\n\n\n---\n";
  const absl::StatusOr<Completion> completion = CompleteCard(readme, kFields);
  ASSERT_THAT(completion, IsOk());
  EXPECT_EQ(YAML::Load(completion->text.substr(4, completion->text.find("\n---") - 4))["prompt"].Scalar(),
            "kind\n\n\n");
}

TEST(CompleteCardTest, WhatBelongsTogetherComesTogether) {
  const absl::StatusOr<Completion> completion = CompleteCard("---\nbase_model: acme/stoat\n---\n", kFields);
  ASSERT_THAT(completion, IsOk());
  EXPECT_THAT(completion->added, ElementsAre("license", "tags"));
}

TEST(CompleteCardTest, AnEmptyFieldIsTheAuthorsAndStays) {
  const absl::StatusOr<Completion> completion =
      CompleteCard("---\nlicense:\nbase_model: x\ntags: []\n---\n", kFields);
  ASSERT_THAT(completion, IsOk());
  EXPECT_THAT(completion->added, IsEmpty());
  EXPECT_THAT(completion->warnings, ElementsAre(HasSubstr("license")));
}

TEST(CompleteCardTest, WrongMetadataIsAnErrorThatNamesTheLine) {
  const auto error = [](std::string_view readme) {
    const absl::StatusOr<Completion> completion = CompleteCard(readme, kFields);
    EXPECT_EQ(ReasonOf(completion.status()), reason::kInvalidContent) << readme;
    return std::string(MessageOf(completion.status()));
  };
  EXPECT_THAT(error("---\nlicense: mit\ntags: [a\n---\ntext"), HasSubstr("README.md, line "));
  EXPECT_THAT(error("\n---\nlicense: mit\n\tx: 1\n---\n"), HasSubstr("line 4"));
  EXPECT_THAT(error("---\nlicense: mit\nlicense: x\n---\n"), HasSubstr("line 3: \"license\" is there twice"));
  EXPECT_THAT(error("---\n- a\n- b\n---\n"), HasSubstr("no list of fields"));
  EXPECT_THAT(error("---\nlicense: mit\n\n# Otter\n"),
              HasSubstr("line 1: metadata begins here and never ends"));
}

TEST(CompleteCardTest, WhatCannotBeAddedToIsLeftAlone) {
  for (const std::string readme : {"---\n{license: x}\n---\n", "---\nlicense: x\n...\n---\n", "\xff# Otter\n",
                                   "---\rlicense: x\r---\r"}) {
    const absl::StatusOr<Completion> completion = CompleteCard(readme, kFields);
    ASSERT_THAT(completion, IsOk());
    EXPECT_EQ(completion->text, readme);
    EXPECT_THAT(completion->added, IsEmpty());
    EXPECT_THAT(completion->warnings, SizeIs(1)) << readme;
  }
}

TEST(CompleteCardTest, NothingKnownChangesNothing) {
  for (const char* readme : {"# Otter\n", "---\nlicense: x\n---\n", ""}) {
    const absl::StatusOr<Completion> completion = CompleteCard(readme, {});
    ASSERT_THAT(completion, IsOk());
    EXPECT_EQ(completion->text, readme);
  }
}

// A card made of pieces that people write, in any order and with either line end.
std::string RandomCard(std::mt19937_64& random) {
  const std::vector<std::string> pieces = {"license: apache-2.0\n",
                                           "tags:\n- a\n- b   # why\n",
                                           "# a comment\n",
                                           "\n",
                                           "language: [en, no]\n",
                                           "widget:\n  - text: \"A --- B\"\n",
                                           "prompt: |\n  one\n\n  two\n",
                                           "folded: >-\n  one\n  two\n\n",
                                           "quoted: 'it''s\n  long'\n",
                                           "base_model: acme/other\n",
                                           "\"odd key\": {a: [1, 2]}\n",
                                           "empty:\n",
                                           "anchor: &x [1]\nalias: *x\n",
                                           "keep: |+\n  text\n\n\n",
                                           "   # indented comment\n",
                                           "date: 2024-01-01\n"};
  std::string yaml;
  std::vector<bool> used(pieces.size());
  for (size_t i = 0; i < 1 + random() % 8; ++i) {
    const size_t piece = random() % pieces.size();
    if (!used[piece]) yaml += pieces[piece];
    used[piece] = true;
  }
  std::string card = random() % 4 == 0 ? "\n\n" : "";
  if (random() % 8 != 0) card += "---\n" + yaml + "---" + (random() % 4 == 0 ? "  \n" : "\n");
  card += random() % 4 == 0 ? "" : "\n# Otter  \n\n---\ntext\t\n\n```yaml\n---\nlicense: no\n---\n```";
  if (random() % 2 == 0) return card;
  std::string crlf;
  for (const char c : card) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  return crlf;
}

TEST(CompleteCardTest, EveryByteOfTheAuthorStaysWhereItWas) {
  std::mt19937_64 random(11);
  int completed = 0;
  for (int i = 0; i < 5'000; ++i) {
    const std::string readme = RandomCard(random);

    const absl::StatusOr<Completion> completion = CompleteCard(readme, kFields);

    ASSERT_THAT(completion, IsOk()) << readme;
    if (completion->added.empty()) {
      ASSERT_EQ(completion->text, readme);
      continue;
    }
    ++completed;
    // One run of whole lines was put in, and nothing else happened.
    const size_t grown = completion->text.size() - readme.size();
    size_t head = 0;
    while (head < readme.size() && completion->text[head] == readme[head]) ++head;
    bool is_insertion = false;
    for (size_t at = 0; at <= head; ++at) {
      is_insertion = is_insertion || completion->text.substr(at + grown) == readme.substr(at);
    }
    ASSERT_TRUE(is_insertion) << readme << "\n=====\n" << completion->text;
    // And it is complete now.
    const absl::StatusOr<Completion> again = CompleteCard(completion->text, kFields);
    ASSERT_THAT(again, IsOk()) << completion->text;
    ASSERT_THAT(again->added, IsEmpty()) << completion->text;
  }
  EXPECT_GT(completed, 3'000);
}

TEST(InsertionDiffTest, ShowsTheAddedLinesAndThreeAround) {
  EXPECT_EQ(InsertionDiff("1\n2\n3\n4\n5\n", "1\n2\n3\n4\nnew\n5\n", "README.md"),
            "--- README.md\n+++ README.md\n@@ -2,4 +2,5 @@\n 2\n 3\n 4\n+new\n 5\n");
  EXPECT_EQ(InsertionDiff("", "a\nb", "README.md"),
            "--- /dev/null\n+++ README.md\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n");
  EXPECT_EQ(InsertionDiff("a\n", "a\n", "README.md"), "");
}

}  // namespace
}  // namespace batuta::card
