#include "common/text/human.h"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using std::chrono::milliseconds;

TEST(FormatBytesTest, ShowsThreeDigitsInPowersOfTen) {
  struct {
    uint64_t bytes;
    std::string_view text;
  } const cases[] = {{0, "0 B"},
                     {1, "1 B"},
                     {999, "999 B"},
                     {1'000, "1 kB"},
                     {1'200, "1.2 kB"},
                     {1'234, "1.23 kB"},
                     {12'345, "12.3 kB"},
                     {123'456, "123 kB"},
                     {999'499, "999 kB"},
                     {999'500, "1 MB"},
                     {4'976'698'672, "4.98 GB"},
                     {1'000'000'000'000, "1 TB"},
                     {std::numeric_limits<uint64_t>::max(), "18.4 EB"}};

  for (const auto& expected : cases) EXPECT_EQ(FormatBytes(expected.bytes), expected.text);
}

TEST(FormatRateTest, SurvivesOddRates) {
  EXPECT_EQ(FormatRate(12'345'678), "12.3 MB/s");
  EXPECT_EQ(FormatRate(0), "0 B/s");
  EXPECT_EQ(FormatRate(-5), "0 B/s");
  EXPECT_EQ(FormatRate(std::numeric_limits<double>::quiet_NaN()), "0 B/s");
  EXPECT_EQ(FormatRate(std::numeric_limits<double>::infinity()), "999 EB/s");
}

TEST(FormatDurationTest, ShowsTwoUnitsAtMost) {
  struct {
    int64_t millis;
    std::string_view text;
  } const cases[] = {{-5, "0 ms"},
                     {0, "0 ms"},
                     {850, "850 ms"},
                     {999, "999 ms"},
                     {1'000, "1.0 s"},
                     {4'200, "4.2 s"},
                     {59'949, "59.9 s"},
                     {59'950, "1 m 00 s"},
                     {60'000, "1 m 00 s"},
                     {200'000, "3 m 20 s"},
                     {3'599'499, "59 m 59 s"},
                     {3'599'500, "1 h 00 m"},
                     {7'500'000, "2 h 05 m"},
                     {86'399'000, "23 h 59 m"},
                     {86'400'000, "1 d 0 h"},
                     {273'600'000, "3 d 4 h"}};

  for (const auto& expected : cases) EXPECT_EQ(FormatDuration(milliseconds(expected.millis)), expected.text);
  EXPECT_FALSE(FormatDuration(milliseconds::max()).empty());
}

TEST(ParseBytesTest, ReadsUnitsInAnyCase) {
  struct {
    std::string_view text;
    uint64_t bytes;
  } const cases[] = {{"0", 0},
                     {"12", 12},
                     {"12B", 12},
                     {"10k", 10'000},
                     {"10K", 10'000},
                     {"1.5MB", 1'500'000},
                     {"800 MB", 800'000'000},
                     {"2GiB", 2'147'483'648},
                     {"2gib", 2'147'483'648},
                     {"2Gi", 2'147'483'648},
                     {"0.1G", 100'000'000},
                     {"1.1kB", 1'100},
                     {"4.35TB", 4'350'000'000'000},
                     {"1P", 1'000'000'000'000'000},
                     {"1.0001k", 1'000},
                     {"18446744073709551615", std::numeric_limits<uint64_t>::max()}};

  for (const auto& expected : cases)
    EXPECT_THAT(ParseBytes(expected.text), IsOkAndHolds(expected.bytes)) << expected.text;
}

TEST(ParseRateTest, IsASizePerSecond) {
  struct {
    std::string_view text;
    uint64_t bytes_per_second;
  } const cases[] = {{"0", 0},
                     {"500K", 500'000},
                     {"10M", 10'000'000},
                     {"1.5MB/s", 1'500'000},
                     {"1 MiB/s", 1'048'576},
                     {"64000", 64'000}};

  for (const auto& [text, bytes_per_second] : cases) {
    EXPECT_EQ(ParseRate(text).value_or(1), bytes_per_second) << text;
  }
  for (const std::string_view text : {"", "/s", "fast", "-1", "10M/h", "10Mbit", "1.5", "10M/s/s"}) {
    EXPECT_THAT(ParseRate(text), HasReason(reason::kInvalidArgument)) << text;
  }
}

TEST(ParseBytesTest, RefusesTheRest) {
  for (const std::string_view text : {"",
                                      "B",
                                      "MB",
                                      "-1",
                                      "+1",
                                      "1.5",
                                      "1.5B",
                                      ".5M",
                                      "1.M",
                                      "1..5M",
                                      "1,5M",
                                      "1 k k",
                                      "1kk",
                                      "1kBB",
                                      "1ib",
                                      "1iB",
                                      "1bi",
                                      "1E",
                                      "1Mo",
                                      "0x10",
                                      "1e3",
                                      " 1",
                                      "1M ",
                                      "1\n",
                                      "18446744073709551616",
                                      "99999999999P",
                                      "1000000000000000000k",
                                      "NaN",
                                      "inf"}) {
    EXPECT_THAT(ParseBytes(text), HasReason("INVALID_ARGUMENT")) << text;
  }
}

TEST(ParseDurationTest, ReadsUnits) {
  struct {
    std::string_view text;
    int64_t millis;
  } const cases[] = {{"0", 0},
                     {"90", 90'000},
                     {"90s", 90'000},
                     {"5m", 300'000},
                     {"2h", 7'200'000},
                     {"1d", 86'400'000},
                     {"250ms", 250},
                     {"1.5h", 5'400'000},
                     {"0.25", 250},
                     {"10 s", 10'000},
                     {"1w", 604'800'000},
                     {"2mo", 5'184'000'000},
                     {"1y", 31'536'000'000}};

  for (const auto& expected : cases) {
    EXPECT_THAT(ParseDuration(expected.text), IsOkAndHolds(milliseconds(expected.millis))) << expected.text;
  }
}

TEST(ParseDurationTest, RefusesTheRest) {
  for (const std::string_view text : {"", "s", "-1s", "1W", "1M", "1S", "1.5ms", "1h30m", "soon", "1s ",
                                      "9223372036854775808ms", "99999999999999999d"}) {
    EXPECT_THAT(ParseDuration(text), HasReason("INVALID_ARGUMENT")) << text;
  }
}

TEST(PrintableTest, EscapesWhatATerminalWouldObey) {
  struct {
    std::string_view text;
    std::string_view shown;
  } const cases[] = {{"", ""},
                     {"plain é 日本 😀", "plain é 日本 😀"},
                     {"a\tb\nc", "a\\x09b\\x0ac"},
                     {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
                     {"\x7f", "\\x7f"},
                     {"\xc2\x9b"
                      "31m",
                      "\\u{9b}31m"},
                     {"\xe2\x80\xae"
                      "exe.txt",
                      "\\u{202e}exe.txt"},
                     {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}"},
                     {"\xe2\x80\xa8", "\\u{2028}"},
                     {"a\xff\xfe", "a\\xff\\xfe"},
                     {"\xe2\x82", "\\xe2\\x82"},
                     {"back\\slash", "back\\slash"}};

  for (const auto& expected : cases) EXPECT_EQ(Printable(expected.text), expected.shown);
  EXPECT_EQ(Printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(QuotedTest, EscapesQuotesAndCutsBetweenCharacters) {
  EXPECT_EQ(Quoted("a \"b\" \\ c\n"), "\"a \\\"b\\\" \\\\ c\\x0a\"");
  EXPECT_EQ(Quoted(std::string(300, 'x')), "\"" + std::string(200, 'x') + "…\"");
  EXPECT_EQ(Quoted("日本", 1), "\"日…\"");
  EXPECT_EQ(Quoted("", 0), "\"\"");
}

TEST(DisplayWidthTest, CountsTerminalColumns) {
  struct {
    std::string_view text;
    size_t columns;
  } const cases[] = {{"", 0},          {"abc", 3},      {"é", 1},
                     {"e\xcc\x81", 1}, {"日本語", 6},   {"한글", 4},
                     {"😀", 2},         {"ｆｕｌｌ", 8}, {"\xff", 1},
                     {"a\nb", 2},      {"…", 1},        {"\xe2\x80\x8b", 0},
                     {"क्ष", 2},        {"│", 1},        {"\xf0\xa0\x80\x80", 2}};

  for (const auto& expected : cases)
    EXPECT_EQ(DisplayWidth(expected.text), expected.columns) << expected.text;
}

}  // namespace
}  // namespace batuta
