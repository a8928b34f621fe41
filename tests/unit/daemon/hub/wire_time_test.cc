#include "daemon/hub/wire_time.h"

#include <string_view>

#include <gtest/gtest.h>

namespace batuta::hub {
namespace {

TEST(WireTimeTest, ReadsTheTimesOfTheApi) {
  ASSERT_TRUE(ParseRfc3339("2025-03-04T10:11:12.000Z"));
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2025-03-04T10:11:12.250Z")), "2025-03-04T10:11:12.250Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2025-03-04T10:11:12Z")), "2025-03-04T10:11:12.000Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2024-02-29T00:00:00.1Z")), "2024-02-29T00:00:00.100Z");
}

TEST(WireTimeTest, RefusesWhatIsNoTime) {
  for (const std::string_view text :
       {"", "2025-03-04", "2025-13-04T10:11:12Z", "2025-02-30T10:11:12Z", "2025-03-04T25:11:12Z",
        "2025-03-04T10:11:12", "2025-03-04T10:11:12.Z", "2025-03-04 10:11:12Z", "2025-03-04T10:11:12Zx",
        "9999-03-04T10:11:12Z", "0001-03-04T10:11:12Z"}) {
    EXPECT_FALSE(ParseRfc3339(text)) << text;
  }
}

TEST(WireTimeTest, ReadsTheTimeOfASignature) {
  ASSERT_TRUE(ParseCompactTime("20261102T081530Z"));
  EXPECT_EQ(FormatRfc3339(*ParseCompactTime("20261102T081530Z")), "2026-11-02T08:15:30.000Z");
  EXPECT_FALSE(ParseCompactTime("20261102T0815Z"));
  EXPECT_FALSE(ParseCompactTime("2026-11-02T08:15:30Z"));
}

TEST(WireTimeTest, ReadsWholeDecimalNumbersOnly) {
  EXPECT_EQ(ParseDecimal("0"), 0U);
  EXPECT_EQ(ParseDecimal("18446744073709551615"), UINT64_MAX);
  for (const std::string_view text : {"", "-1", "+1", "1 ", " 1", "0x1", "1.0", "18446744073709551616"}) {
    EXPECT_FALSE(ParseDecimal(text)) << text;
  }
}

}  // namespace
}  // namespace batuta::hub
