#include "daemon/verify/finding.h"

namespace batuta::verify {

std::string_view ToString(Problem problem) {
  switch (problem) {
    case Problem::kDamaged:
      return "damaged";
    case Problem::kMissing:
      return "missing";
    case Problem::kUnreadable:
      return "unreadable";
    case Problem::kWrongSize:
      return "wrong_size";
    case Problem::kIncomplete:
      return "incomplete";
  }
  return "unknown";
}

}  // namespace batuta::verify
