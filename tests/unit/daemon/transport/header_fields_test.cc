#include "daemon/transport/header_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::transport {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Eq;
using ::testing::Optional;

// 1994-11-06T08:49:37Z, the date of every example of HTTP.
const WallTime kExample = FromUnixMillis(784'111'777'000);

TEST(HeaderFieldsTest, ComparesNamesWithoutLetterCase) {
  EXPECT_TRUE(EqualsIgnoreCase("ETag", "etag"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("ETag", "ETags"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc3\x84", "\xc3\xa4"));  // ASCII only
}

TEST(HeaderFieldsTest, ReadsTheThreeFormsOfADate) {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", "sun, 6 nov 1994 08:49:37 gmt"}) {
    EXPECT_THAT(ParseHttpDate(text), Optional(Eq(kExample))) << text;
  }
  EXPECT_THAT(ParseHttpDate("Mon, 02 Nov 2026 08:15:30 GMT"),
              Optional(Eq(FromUnixMillis(1'793'607'330'000))));
}

TEST(HeaderFieldsTest, RefusesWhatIsNoDate) {
  for (const char* text :
       {"", "tomorrow", "Sun, 06 Nov 1994", "08:49:37", "Sun, 31 Feb 2026 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 9999 08:49:37 GMT", "0 0 Jan 00:00:00 99999999999999999999"}) {
    EXPECT_EQ(ParseHttpDate(text), std::nullopt) << text;
  }
  // The clock counts nanoseconds and cannot hold it.
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 0137 08:49:37 GMT"), std::nullopt);
  EXPECT_EQ(ParseHttpDate(std::string(100'000, '1')), std::nullopt);
}

TEST(HeaderFieldsTest, ReadsRetryAfterInSecondsAndAsADate) {
  EXPECT_THAT(ParseRetryAfter("3", kExample), Optional(Eq(seconds(3))));
  EXPECT_THAT(ParseRetryAfter("  120 ", kExample), Optional(Eq(seconds(120))));
  EXPECT_THAT(ParseRetryAfter("0", kExample), Optional(Eq(seconds(0))));
  EXPECT_THAT(ParseRetryAfter("Sun, 06 Nov 1994 08:49:47 GMT", kExample), Optional(Eq(seconds(10))));
  EXPECT_THAT(ParseRetryAfter("Sun, 06 Nov 1994 08:49:27 GMT", kExample), Optional(Eq(seconds(0))));
}

TEST(HeaderFieldsTest, BoundsWhatRetryAfterAsksFor) {
  const milliseconds day = std::chrono::hours(24);
  EXPECT_THAT(ParseRetryAfter("99999999999999999999999", kExample), Optional(Eq(day)));
  EXPECT_THAT(ParseRetryAfter("Sun, 06 Nov 2094 08:49:47 GMT", kExample), Optional(Eq(day)));
  for (const char* text : {"", " ", "-1", "1.5", "soon", "1 hour"}) {
    EXPECT_EQ(ParseRetryAfter(text, kExample), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace batuta::transport
