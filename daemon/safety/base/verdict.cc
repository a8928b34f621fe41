#include "daemon/safety/base/verdict.h"

#include <array>

namespace batuta::safety {
namespace {

// From what nobody may override down to what is merely not understood.
constexpr std::array<Grade, kGradeCount> kWorstFirst = {
    Grade::kBomb,   Grade::kMalicious, Grade::kCode,    Grade::kUnverified,
    Grade::kPickle, Grade::kInvalid,   Grade::kUnknown,
};

constexpr Grades kUnsafe = {Grade::kBomb, Grade::kMalicious, Grade::kCode, Grade::kUnverified,
                            Grade::kPickle};

}  // namespace

std::string_view GradeName(Grade grade) {
  switch (grade) {
    case Grade::kPickle:
      return "pickle";
    case Grade::kUnverified:
      return "unverified";
    case Grade::kCode:
      return "code";
    case Grade::kInvalid:
      return "invalid";
    case Grade::kUnknown:
      return "unknown";
    case Grade::kMalicious:
      return "malicious";
    case Grade::kBomb:
      return "bomb";
  }
  return "unknown";
}

std::string_view Judgement(const Verdict& verdict) {
  if (verdict.grades.empty()) return "safe";
  if (verdict.grades.Without(kUnsafe) != verdict.grades) return "unsafe";
  return verdict.grades.Has(Grade::kInvalid) ? "invalid" : "unknown";
}

std::string_view PickleJudgement(const Verdict& verdict) {
  if (!verdict.has_pickle) return "none";
  return verdict.grades == Grades{Grade::kPickle} ? "clean" : "dangerous";
}

const Finding* Worst(const Verdict& verdict) {
  for (const Grade grade : kWorstFirst) {
    for (const Finding& finding : verdict.findings) {
      if (finding.grade == grade) return &finding;
    }
  }
  return nullptr;
}

}  // namespace batuta::safety
