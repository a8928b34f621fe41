#include "daemon/secrets/parquet.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/column_stream.h"
#include "daemon/secrets/scanner.h"
#include "daemon/secrets/snappy_stream.h"
#include "tests/support/archives/parquet_model.h"
#include "tests/support/secrets/fake_secrets.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string All(Stream& stream) {
  std::string all;
  char bytes[1000];
  while (true) {
    const absl::StatusOr<size_t> count = stream.Read(bytes);
    EXPECT_THAT(count, IsOk());
    if (!count.ok() || *count == 0) return all;
    all.append(bytes, *count);
  }
}

std::string Unsnappied(std::string_view packed) {
  safety::MemorySource source(packed);
  SourceStream stream(source);
  SnappyStream unpacked(stream);
  return All(unpacked);
}

// The text of each column, and what is wrong with it.
std::vector<std::string> TextsOf(const std::string& bytes) {
  safety::MemorySource file(bytes);
  const auto parquet = DescribeParquet(file, std::string_view(bytes).substr(0, 100));
  if (!parquet.has_value()) return {"no Parquet"};
  std::vector<std::string> texts;
  for (const TextColumn& column : parquet->texts) {
    ColumnStream stream(file, column);
    texts.push_back(column.name + "=" + All(stream) + stream.problem());
  }
  return texts;
}

TEST(SnappyStreamTest, GivesBackWhatWasPacked) {
  test::FakeSecrets fakes(1);
  std::string large;
  while (large.size() < 500'000)
    large += fakes.Characters(50, 'A') + large.substr(large.size() / 2, 70) + "aaaaaaaaaaaaaaaaaaaaaa";
  for (const std::string& text :
       {std::string(), std::string("a"), std::string(1000, 'x'), std::string("abcabcabcabcabcabcd"), large}) {
    EXPECT_EQ(Unsnappied(test::Snappied(text)), text);
  }
}

TEST(SnappyStreamTest, WhatMakesNoSenseEndsIt) {
  EXPECT_EQ(Unsnappied(std::string("\x05\x04", 2)), "");
  EXPECT_EQ(Unsnappied(std::string("\x05\x00"
                                   "a\x01\x09",
                                   5)),
            "a");
  EXPECT_EQ(Unsnappied(std::string("\xFF\xFF\xFF\xFF\xFF\xFF", 6)), "");
}

TEST(ParquetTest, ValuesAreLinesInEveryCompressionAndKindOfPage) {
  for (const int64_t codec : {0, 1, 2, 6}) {
    for (const bool is_newer : {false, true}) {
      for (const bool can_be_missing : {false, true}) {
        for (const bool can_be_repeated : {false, true}) {
          const std::string bytes =
              test::WriteParquet({{.path = {"id"}, .type = 2, .pages = {{"12345678"}}},
                                  {.path = {"messages", "list", "content"},
                                   .codec = codec,
                                   .can_be_missing = can_be_missing,
                                   .can_be_repeated = can_be_repeated,
                                   .has_newer_pages = is_newer,
                                   .pages = {{"one", "two\nlines"}, {"", std::string(90'000, 'x')}}}});
          const std::string wanted =
              "messages.list.content=one\ntwo\nlines\n\n" + std::string(90'000, 'x') + "\n";
          EXPECT_TRUE(TextsOf(bytes) == std::vector<std::string>{wanted})  // not shown: it is large
              << codec << is_newer << can_be_missing << can_be_repeated;
        }
      }
    }
  }
}

TEST(ParquetTest, OfADictionaryEachValueIsReadOnce) {
  EXPECT_THAT(TextsOf(test::WriteParquet({{.path = {"label"},
                                           .codec = 1,
                                           .coding = 8,
                                           .dictionary = {"cat", "dog"},
                                           .pages = {{"", "", ""}}}})),
              ElementsAre("label=cat\ndog\n"));
}

TEST(ParquetTest, SaysWhatIsNotLookedInto) {
  EXPECT_THAT(TextsOf(test::WriteParquet({{.path = {"a"}, .codec = 4, .pages = {{"x"}}},
                                          {.path = {"b"}, .coding = 6, .pages = {{"x"}}}})),
              ElementsAre(HasSubstr("compression 4"), HasSubstr("coding 6")));
}

TEST(ParquetTest, WhatMakesNoSenseIsNone) {
  const std::string good = test::WriteParquet({{.path = {"a"}, .codec = 1, .pages = {{"some text"}}}});
  EXPECT_THAT(TextsOf("PAR1"), ElementsAre("no Parquet"));
  EXPECT_THAT(TextsOf("PAR1\xFF\xFF\xFF\xFFPAR1"), ElementsAre("no Parquet"));
  EXPECT_THAT(TextsOf(good.substr(0, good.size() - 9) + good.substr(good.size() - 8)),
              ElementsAre("no Parquet"));
  // Whatever byte is wrong: no crash, and no more than there is.
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char wrong : {'\0', '\x7F', '\xFF'}) {
      std::string bytes = good;
      bytes[at] = wrong;
      for (const std::string& text : TextsOf(bytes)) EXPECT_LT(text.size(), 500U);
    }
  }
}

TEST(ParquetTest, SecretsAreFoundInTheColumnsAndNotAgainInTheBytes) {
  test::FakeSecrets fakes(3);
  const std::string token = fakes.Of("hf-token").secret;
  absl::StatusOr<Scanner> scanner = Scanner::Create(*RuleSet::BuiltIn());
  ASSERT_THAT(scanner, IsOk());
  for (const int64_t codec : {0, 1, 2, 6}) {
    const std::string bytes = test::WriteParquet(
        {{.path = {"text"}, .codec = codec, .pages = {{"first", token, std::string(65, 'A')}}},
         {.path = {"other"}, .codec = codec, .pages = {{"fine"}}}});
    safety::MemorySource source(bytes);
    const absl::StatusOr<ScanReport> report = scanner->Scan("data/train.parquet", source);
    ASSERT_THAT(report, IsOk());
    ASSERT_THAT(report->findings, SizeIs(1)) << codec;
    EXPECT_EQ(report->findings[0].fingerprint, "data/train.parquet!text:hf-token:2");
    EXPECT_THAT(report->unread, IsEmpty());
  }
}

TEST(ParquetTest, WhatTheDescriptionLeavesOutIsReadAsItIs) {
  test::FakeSecrets fakes(4);
  std::string bytes = test::WriteParquet({{.path = {"text"}, .codec = 1, .pages = {{"fine"}}}});
  bytes.insert(4, " " + fakes.Of("hf-token").secret + " ");
  safety::MemorySource source(bytes);
  absl::StatusOr<Scanner> scanner = Scanner::Create(*RuleSet::BuiltIn());
  ASSERT_THAT(scanner, IsOk());
  const absl::StatusOr<ScanReport> report = scanner->Scan("a.parquet", source);
  ASSERT_THAT(report, IsOk());
  ASSERT_THAT(report->findings, SizeIs(1));
  EXPECT_EQ(report->findings[0].path, "a.parquet");
  EXPECT_THAT(report->unread, SizeIs(1));
}

}  // namespace
}  // namespace batuta::secrets
