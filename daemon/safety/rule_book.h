#pragma once

#include <span>
#include <string_view>

#include "daemon/safety/base/rule.h"

namespace batuta::safety {

// The rules of all folders.
std::span<const Rule* const> AllRules();

// The one of this code, or null.
const Rule* FindRule(std::string_view code);

}  // namespace batuta::safety
