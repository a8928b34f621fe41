#include "client/output/card_view.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::PreviewCardResponse Example() {
  v1::PreviewCardResponse card;
  card.set_card("generated");
  card.set_readme("---\r\nlicense: mit\r\n---\r\n# \x1b[31mOtter\n");
  card.set_diff("--- /dev/null\n+++ README.md\n");
  card.add_sources("config.json: architecture, task");
  card.add_warnings("model.gguf: left out: \x1b[2J");
  v1::PreviewCardResponse::File& curve = *card.add_files();
  curve.set_path("training_loss.svg");
  curve.set_content("<svg/>");
  return card;
}

struct Printed {
  std::string data;
  std::string talk;
};

Printed Print(const OutputOptions& options, CardPart part = CardPart::kReadme) {
  TestOutput test(options);
  PrintCard(test.output, Example(), part);
  EXPECT_TRUE(test.output.Finish().ok());
  return {test.data.text, test.talk.text};
}

TEST(CardViewTest, TheTextGoesToStdoutByteForByteAndTheRestToStderr) {
  const Printed printed = Print({});
  EXPECT_EQ(printed.data, Example().readme());
  EXPECT_THAT(printed.talk, HasSubstr("config.json: architecture, task"));
  EXPECT_THAT(printed.talk, HasSubstr("model.gguf: left out: \\x1b"));
  EXPECT_THAT(printed.talk, HasSubstr("training_loss.svg (6 B) goes with it."));
}

TEST(CardViewTest, OnATerminalNothingMovesTheCursor) {
  const Printed printed = Print({.data_is_terminal = true});
  EXPECT_THAT(printed.data, HasSubstr("---\nlicense: mit\n---\n# \\x1b[31mOtter\n"));
  EXPECT_THAT(printed.talk, Not(HasSubstr("\x1b")));
}

TEST(CardViewTest, TheDiffStandsInPlaceOfTheText) {
  EXPECT_EQ(Print({}, CardPart::kDiff).data, Example().diff());
}

TEST(CardViewTest, JsonHasAllOfItAndQuietOneWord) {
  const Printed printed = Print({.format = OutputFormat::kJson});
  const auto document = nlohmann::json::parse(printed.data);
  EXPECT_EQ(document["card"], "generated");
  EXPECT_EQ(document["readme"], Example().readme());
  EXPECT_EQ(document["files"][0]["path"], "training_loss.svg");
  EXPECT_EQ(document["files"][0]["content"], "<svg/>");
  EXPECT_EQ(document["sources"].size(), 1u);
  EXPECT_EQ(document["warnings"].size(), 1u);
  EXPECT_EQ(document["diff"], Example().diff());
  EXPECT_EQ(printed.talk, "");
  EXPECT_EQ(Print({.format = OutputFormat::kQuiet}).data, "generated\n");
}

}  // namespace
}  // namespace batuta::client
