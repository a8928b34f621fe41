#pragma once

#include <vector>

#include "common/types/check.h"
#include "daemon/doctor/facts.h"

namespace batuta::doctor {

// What the facts mean, and what to do about it, in the order in which a person should read it. Names of
// checks are stable (docs/operations.md). Pure.
std::vector<Check> Judge(const Facts& facts);

}  // namespace batuta::doctor
