#include "common/text/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace batuta {
namespace {

TEST(Utf8Test, RoundTripsEveryLength) {
  for (const char32_t point :
       {U'\0', U'a', U'\x7f', U'\x80', U'\x7ff', U'\x800', U'\xffff', U'\x10000', U'\x10ffff'}) {
    std::string text;
    AppendUtf8(text, point);
    const Utf8Step step = NextUtf8(text, 0);
    EXPECT_TRUE(step.valid);
    EXPECT_EQ(step.point, point);
    EXPECT_EQ(step.length, text.size());
  }
}

TEST(Utf8Test, RefusesWhatIsMalformed) {
  for (const std::string_view text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
        "\xc3\xc3", "\xe2\x82x"}) {
    EXPECT_FALSE(IsValidUtf8(text));
    const Utf8Step step = NextUtf8(text, 0);
    EXPECT_FALSE(step.valid);
    EXPECT_EQ(step.length, 1u) << "the walk goes on after the bad byte";
  }
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("aé日😀"));
}

TEST(Utf8Test, FindsControls) {
  for (const std::string_view text : {"\n", "a\x1b", "\x7f", "\xc2\x80", "\xc2\x9f", "a\tb"}) {
    EXPECT_TRUE(ContainsControl(text));
  }
  EXPECT_TRUE(ContainsControl(std::string_view("\0", 1)));
  for (const std::string_view text : {"", "a b", "\xc2\xa0", "日本"}) EXPECT_FALSE(ContainsControl(text));
}

TEST(Utf8Test, SaysHowManyBytesAreValid) {
  const std::string text = "plain ASCII, then \xc3\xa4 and \xf0\x9f\xa6\xa6 and more of it";
  EXPECT_EQ(ValidUtf8Bytes(text), text.size());
  const size_t otter = text.find('\xf0');
  for (size_t end = otter + 1; end < otter + 4; ++end) EXPECT_EQ(ValidUtf8Bytes(text.substr(0, end)), otter);
  for (size_t bad = 0; bad < 20; ++bad) {
    std::string broken(20, 'x');
    broken[bad] = '\x80';
    EXPECT_EQ(ValidUtf8Bytes(broken), bad);
  }
}

}  // namespace
}  // namespace batuta
