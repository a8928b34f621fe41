#include "daemon/secrets/number_ranges.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/scanner.h"
#include "tests/support/archives/parquet_model.h"
#include "tests/support/secrets/fake_secrets.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kInt64 = 2;
constexpr int64_t kDouble = 5;
constexpr int64_t kStrings = 6;
constexpr int64_t kFixedLength = 7;

// Values of a page that is long enough for a range.
std::vector<std::string> Numbers(size_t count = 1000) {
  return std::vector<std::string>(count, std::string("\1\2\3\4\5\6\7\x08", 8));
}

std::vector<ByteRange> RangesOf(const std::string& bytes) {
  safety::MemorySource file(bytes);
  const auto parquet = DescribeParquet(file, std::string_view(bytes).substr(0, 100));
  EXPECT_TRUE(parquet.has_value());
  const absl::StatusOr<std::vector<ByteRange>> ranges = NumberRanges(file, parquet->numbers);
  EXPECT_THAT(ranges, IsOk());
  return *ranges;
}

std::string Part(const std::string& bytes, const ByteRange& range) {
  return bytes.substr(range.begin, range.end - range.begin);
}

std::string Joined(const std::vector<std::string>& values) {
  std::string all;
  for (const std::string& value : values) all += value;
  return all;
}

// Replaces the first of some bytes by as many others.
std::string With(std::string bytes, const std::string& old, const std::string& others) {
  EXPECT_EQ(old.size(), others.size());
  const size_t at = bytes.find(old);
  EXPECT_NE(at, std::string::npos);
  return bytes.replace(at, old.size(), others);
}

TEST(NumberRangesTest, AreTheValuesOfPlainPages) {
  for (const bool is_newer : {false, true}) {
    for (const bool can_be_missing : {false, true}) {
      for (const bool can_be_repeated : {false, true}) {
        const std::string bytes = test::WriteParquet({{.path = {"text"}, .pages = {{"some words"}}},
                                                      {.path = {"x"},
                                                       .type = kDouble,
                                                       .can_be_missing = can_be_missing,
                                                       .can_be_repeated = can_be_repeated,
                                                       .has_newer_pages = is_newer,
                                                       .pages = {Numbers(), Numbers(600)}}});
        const std::vector<ByteRange> ranges = RangesOf(bytes);
        ASSERT_THAT(ranges, SizeIs(2)) << is_newer << can_be_missing << can_be_repeated;
        EXPECT_EQ(Part(bytes, ranges[0]), Joined(Numbers()));
        EXPECT_EQ(Part(bytes, ranges[1]), Joined(Numbers(600)));
      }
    }
  }
}

TEST(NumberRangesTest, OfADictionaryAreItsValuesAndNotWhatPointsThere) {
  const std::string bytes = test::WriteParquet(
      {{.path = {"x"}, .type = kInt64, .coding = 8, .dictionary = Numbers(), .pages = {{"", "", ""}}}});
  const std::vector<ByteRange> ranges = RangesOf(bytes);
  ASSERT_THAT(ranges, SizeIs(1));
  EXPECT_EQ(Part(bytes, ranges[0]), Joined(Numbers()));
}

TEST(NumberRangesTest, WhatIsNoPlainNumberIsReadInstead) {
  EXPECT_THAT(
      RangesOf(test::WriteParquet({{.path = {"packed"}, .type = kDouble, .codec = 1, .pages = {Numbers()}}})),
      IsEmpty());
  EXPECT_THAT(
      RangesOf(test::WriteParquet({{.path = {"deltas"}, .type = kInt64, .coding = 5, .pages = {Numbers()}}})),
      IsEmpty());
  EXPECT_THAT(RangesOf(test::WriteParquet({{.path = {"text"}, .type = kStrings, .pages = {Numbers()}}})),
              IsEmpty());
  EXPECT_THAT(RangesOf(test::WriteParquet({{.path = {"bytes"}, .type = kFixedLength, .pages = {Numbers()}}})),
              IsEmpty());
  EXPECT_THAT(RangesOf(test::WriteParquet({{.path = {"few"}, .type = kDouble, .pages = {Numbers(10)}}})),
              IsEmpty());
}

TEST(NumberRangesTest, APageThatHoldsMoreThanItsNumbersIsReadInstead) {
  std::vector<std::string> values = Numbers();
  values.back() += "and";  // no whole number
  for (const bool can_be_missing : {false, true}) {
    EXPECT_THAT(RangesOf(test::WriteParquet(
                    {{.path = {"x"}, .type = kDouble, .can_be_missing = can_be_missing, .pages = {values}}})),
                IsEmpty());
  }
  values.back() = std::string(16, 'x');  // one more than it says
  for (const bool can_be_missing : {false, true}) {
    EXPECT_THAT(RangesOf(test::WriteParquet(
                    {{.path = {"x"}, .type = kDouble, .can_be_missing = can_be_missing, .pages = {values}}})),
                IsEmpty());
  }
}

class NumberScanTest : public testing::Test {
 protected:
  NumberScanTest() {
    // The token stands in the middle of the numbers, of eight bytes each, and a blank before and behind it.
    std::string text = " " + token_ + "  ";
    EXPECT_EQ(text.size(), 40U);
    for (size_t i = 0; i < 5; ++i) hiding_[500 + i] = text.substr(8 * i, 8);
  }

  test::ParquetColumn Hiding() const {
    return {.path = {"x"}, .type = kDouble, .can_be_missing = false, .pages = {hiding_}};
  }

  size_t Findings(std::string_view bytes) {
    absl::StatusOr<Scanner> scanner = Scanner::Create(*RuleSet::BuiltIn());
    EXPECT_THAT(scanner, IsOk());
    safety::MemorySource source(bytes);
    const absl::StatusOr<ScanReport> report = scanner->Scan("a.parquet", source);
    EXPECT_THAT(report, IsOk());
    return report->findings.size();
  }

  test::FakeSecrets fakes_{31};
  std::string token_ = fakes_.Of("hf-token").secret;
  std::vector<std::string> hiding_ = Numbers();
};

TEST_F(NumberScanTest, NumbersArePassedOverAndTextBesideThemIsNot) {
  EXPECT_EQ(Findings(test::WriteParquet({Hiding()})), 0U);
  EXPECT_EQ(Findings(test::WriteParquet({Hiding(), {.path = {"text"}, .codec = 1, .pages = {{token_}}}})),
            1U);
}

TEST_F(NumberScanTest, WhatStandsBetweenTheColumnsIsRead) {
  std::string bytes = test::WriteParquet({Hiding()});
  const size_t end = bytes.find(Joined(hiding_)) + Joined(hiding_).size();
  bytes.insert(end, " " + fakes_.Of("npm-token").secret + " ");
  EXPECT_EQ(Findings(bytes), 1U);
}

TEST_F(NumberScanTest, APageThatSaysItIsLongerThanItsColumnHidesNothing) {
  // Of the header of the page: how much it has, unpacked and packed (8,000, as Thrift writes it).
  const std::string says = std::string("\x15\x80\x7D\x15\x80\x7D", 6);
  const std::string bytes = test::WriteParquet({Hiding()});
  EXPECT_EQ(Findings(With(bytes, says, std::string("\x15\x82\x7D\x15\x82\x7D", 6))), 1U);
  EXPECT_EQ(Findings(With(bytes, says, std::string("\x15\xFE\x7D\x15\xFE\x7D", 6))), 1U);
}

TEST_F(NumberScanTest, AColumnThatIsNoNumberInTheSchemaHidesNothing) {
  // The type of the only leaf, before its repetition and name.
  const std::string bytes = test::WriteParquet({Hiding()});
  const std::string leaf = std::string("\x15\x0A\x25\x00\x18\x01x", 7);
  EXPECT_EQ(Findings(With(bytes, leaf, std::string("\x15\x0E\x25\x00\x18\x01x", 7))), 1U);
}

TEST_F(NumberScanTest, ColumnsThatOverlapHideNothing) {
  const std::string bytes =
      test::WriteParquet({Hiding(), {.path = {"y"}, .type = kDouble, .pages = {Numbers()}}});
  ASSERT_EQ(Findings(bytes), 0U);
  // Where the second column begins, as Thrift writes it, in the description.
  const auto number = [](uint64_t value) {
    return std::string{static_cast<char>((value << 1) | 0x80), static_cast<char>(value >> 6)};
  };
  const uint64_t begin = RangesOf(bytes).front().end;
  ASSERT_LT(begin, 8192U);
  const size_t place = bytes.rfind("\x25" + number(begin));  // behind its size
  ASSERT_NE(place, std::string::npos);
  std::string lying = bytes;
  lying.replace(place + 1, 2, number(begin - 100));
  EXPECT_EQ(Findings(lying), 1U);
}

TEST_F(NumberScanTest, AColumnBeyondTheEndOfTheFileHidesNothing) {
  const std::string bytes = test::WriteParquet({Hiding()});
  // What the description says of its size: all of the pages.
  const size_t begin = RangesOf(bytes).front().begin;
  std::string cut = bytes;
  cut.erase(begin + 6000, 1000);  // behind the token: then nothing is where it is said to be
  EXPECT_EQ(Findings(cut), 1U);
}

TEST_F(NumberScanTest, NothingIsJoinedAcrossNumbers) {
  // Half of a token before the numbers, half behind them: as little a token as it is in the file.
  std::string bytes = test::WriteParquet({Hiding()});
  const ByteRange range = RangesOf(bytes).front();
  bytes.insert(range.end, token_.substr(20) + " ");
  const std::vector<ByteRange> left_out = {{range.begin, range.end}};
  safety::MemorySource source(bytes);
  SparseStream stream(source, left_out);
  std::string all;
  char buffer[100];
  while (true) {
    const absl::StatusOr<size_t> count = stream.Read(buffer);
    ASSERT_THAT(count, IsOk());
    if (*count == 0) break;
    all.append(buffer, *count);
  }
  EXPECT_EQ(all, bytes.substr(0, range.begin) + '\0' + bytes.substr(range.end));
}

}  // namespace
}  // namespace batuta::secrets
