#include "daemon/card/yaml_text.h"

#include <random>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "common/text/utf8.h"

namespace batuta::card {
namespace {

TEST(YamlTextTest, WhatYamlReadsAsSomethingElseIsQuoted) {
  EXPECT_EQ(YamlText("apache-2.0"), "apache-2.0");
  EXPECT_EQ(YamlText("acme/otter-7b"), "acme/otter-7b");
  EXPECT_EQ(YamlText("no"), "'no'");
  EXPECT_EQ(YamlText("Yes"), "'Yes'");
  EXPECT_EQ(YamlText("Null"), "'Null'");
  EXPECT_EQ(YamlText("y"), "'y'");
  EXPECT_EQ(YamlText("2024-01-01"), "'2024-01-01'");
  EXPECT_EQ(YamlText("12:30"), "'12:30'");
  EXPECT_EQ(YamlText("1e3"), "'1e3'");
  EXPECT_EQ(YamlText("0x1F"), "'0x1F'");
  EXPECT_EQ(YamlText(".inf"), "'.inf'");
  EXPECT_EQ(YamlText("a: b"), "'a: b'");
  EXPECT_EQ(YamlText("a #b"), "'a #b'");
  EXPECT_EQ(YamlText("it's"), "'it''s'");
  EXPECT_EQ(YamlText(""), "''");
  EXPECT_EQ(YamlText(" a"), "' a'");
  EXPECT_EQ(YamlText("a "), "'a '");
  EXPECT_EQ(YamlText("a\nb"), "\"a\\u000Ab\"");
  EXPECT_EQ(YamlText("\xff"), "\"\\uFFFD\"");
}

TEST(YamlTextTest, AnyTextIsReadAsTheSameText) {
  std::mt19937_64 random(7);
  const std::string_view alphabet = "ab no1-:#'\"\\{}[],&*!|>%@`~?= \t\n.0e+_/<";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const size_t length = random() % 12;
    while (text.size() < length) {
      if (random() % 16 == 0) {
        AppendUtf8(text, static_cast<char32_t>(random() % 2 == 0 ? 0x80 + random() % 0x700
                                                                 : 0x1F600 + random() % 64));
      } else {
        text += alphabet[random() % alphabet.size()];
      }
    }
    const YAML::Node node = YAML::Load("k: " + YamlText(text) + "\nl:\n- " + YamlText(text) + "\n");
    ASSERT_TRUE(node["k"].IsScalar()) << YamlText(text);
    ASSERT_EQ(node["k"].Scalar(), text) << YamlText(text);
    ASSERT_EQ(node["l"][0].Scalar(), text) << YamlText(text);
  }
}

TEST(YamlNumberTest, StaysAsWrittenWhereEveryReaderTakesItForANumber) {
  EXPECT_EQ(YamlNumber("0.410"), "0.410");
  EXPECT_EQ(YamlNumber("-7"), "-7");
  EXPECT_EQ(YamlNumber("1e-05"), "1.0e-05");
  EXPECT_EQ(YamlNumber("1.5E3"), "1.5e+3");
}

}  // namespace
}  // namespace batuta::card
