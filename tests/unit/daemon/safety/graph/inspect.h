#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// What one parser says of these bytes; it must read them without an error.
inline Verdict InspectBytes(Subject::Inspector parser, std::string_view bytes,
                            std::string_view name = "model") {
  MemorySource source(bytes);
  Report report;
  Subject subject(name, source, report, parser);
  EXPECT_TRUE((parser(subject)).ok());
  return std::move(report).Take();
}

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
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      std::string changed(bytes);
      changed[at] = static_cast<char>(changed[at] ^ change);
      InspectBytes(parser, changed);
    }
    EXPECT_FALSE(InspectBytes(parser, bytes.substr(0, at)).grades.empty()) << "cut off at " << at;
  }
  for (const char more : {'\0', '\n', 'x', '\xFF'}) {
    EXPECT_FALSE(InspectBytes(parser, std::string(bytes) + more).grades.empty())
        << "followed by " << int{more};
  }
}

}  // namespace batuta::safety
