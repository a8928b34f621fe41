#pragma once

#include <string_view>

#include "daemon/card/facts.h"
#include "daemon/card/value.h"

namespace batuta::card {

// Reads what was measured, in the shapes of docs/model-card.md: `results` (`evaluations`, `evaluation`), a
// list of maps with `task`, `dataset` and `metrics` or `metric` and `value`; or `metrics` alone; what stands
// outside of the list holds for all of it.
void ReadResults(const Value& root, std::string_view path, Facts* facts);

}  // namespace batuta::card
