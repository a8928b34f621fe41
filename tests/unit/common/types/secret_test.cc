#include "common/types/secret.h"

#include <sstream>
#include <type_traits>

#include <fmt/core.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>

namespace batuta {
namespace {

TEST(SecretTest, CannotBeFormattedNorConverted) {
  static_assert(!fmt::is_formattable<Secret>::value, "a log call with a Secret must not compile");
  static_assert(!std::is_convertible_v<Secret, std::string>);
  static_assert(!std::is_convertible_v<Secret, std::string_view>);
  static_assert(!std::is_convertible_v<std::string, Secret>, "made a secret on purpose only");
  std::ostringstream out;
  out << Secret("hf_canary");
  EXPECT_EQ(out.str(), "[redacted]");
  EXPECT_EQ(::testing::PrintToString(Secret("hf_canary")), "[redacted]");
}

TEST(SecretTest, ShowsItsTextOnlyWhenAsked) {
  EXPECT_EQ(Secret("hf_canary").Reveal(), "hf_canary");
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret("a"), Secret("a"));
  EXPECT_FALSE(Secret("a") == Secret("b"));
}

}  // namespace
}  // namespace batuta
