#pragma once

#include <string_view>

#include "daemon/safety/base/grade.h"

namespace batuta::safety {

// One reason to refuse a file. Each family of formats declares its rules as constants in a `rules.h` of its
// own; together they are the table in docs/security.md and the rules of a SARIF report.
struct Rule {
  std::string_view code;  // stable, unique, lower case with dashes, beginning with its family: "zip-overlap"
  Grade grade = Grade::kUnknown;
  std::string_view meaning;  // one clause without a stop, for a person: "two entries share bytes"
};

}  // namespace batuta::safety
