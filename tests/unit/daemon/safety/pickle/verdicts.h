#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/safety/base/subject.h"
#include "daemon/safety/pickle/pickle.h"

namespace batuta::safety {

// What a parser says of bytes; members are looked at by `inspector`.
inline Verdict VerdictOf(std::string_view bytes, absl::FunctionRef<absl::Status(Subject& subject)> parser,
                         Subject::Inspector inspector = nullptr) {
  MemorySource source(bytes);
  Report report;
  Subject subject("model.pkl", source, report, inspector);
  EXPECT_TRUE(parser(subject).ok());
  return std::move(report).Take();
}

inline Verdict VerdictOfPickle(std::string_view bytes) {
  return VerdictOf(bytes, InspectPickle);
}

inline std::vector<std::string> Codes(const Verdict& verdict) {
  std::vector<std::string> codes;
  for (const Finding& finding : verdict.findings) codes.push_back(finding.code);
  return codes;
}

}  // namespace batuta::safety
