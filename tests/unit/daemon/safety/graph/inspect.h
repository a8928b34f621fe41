#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/safety/inspect.h"

namespace batuta::safety {

// The codes of what was found, sorted, each once.
inline std::vector<std::string> Codes(const Verdict& verdict) {
  std::vector<std::string> codes;
  for (const Finding& finding : verdict.findings) codes.push_back(finding.code);
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  return codes;
}

// Whatever byte is changed, cut off or added: an answer, and what is cut short or followed by more is
// refused.
inline void ExpectEveryDamageIsAnswered(Subject::Inspector parser, std::string_view bytes) {
  const auto inspect = [&](std::string_view damaged) {
    MemorySource source(damaged);
    const Inspected inspected = InspectWith(parser, source);
    EXPECT_TRUE(inspected.status.ok());
    return inspected.verdict.grades;
  };
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      std::string changed(bytes);
      changed[at] = static_cast<char>(changed[at] ^ change);
      inspect(changed);
    }
    EXPECT_FALSE(inspect(bytes.substr(0, at)).empty()) << "cut off at " << at;
  }
  for (const char more : {'\0', '\n', 'x', '\xFF'}) {
    EXPECT_FALSE(inspect(std::string(bytes) + more).empty()) << "followed by " << int{more};
  }
}

}  // namespace batuta::safety
