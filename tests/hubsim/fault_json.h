// Fault rules as JSON, for the admin endpoint and `hubsim --faults`. The keys are the fields of FaultRule:
//   {"kind": "cut", "listener": "cdn", "path": "*.safetensors", "count": 2, "at_bytes": 1000}
// "kind" is the enum's name without k, in snake case; "count" may be "always"; "duration_ms" is a number;
// "headers" an object. Unknown keys are refused: a misspelt fault that never fires is worse than an error.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/hubsim/fault.h"

namespace batuta::hubsim {

// One object or an array of them.
//   kInvalidArgument  with what is wrong and what is allowed.
absl::StatusOr<std::vector<FaultRule>> ParseFaults(const std::string& text);

// Every "kind" there is.
std::vector<std::string> FaultKindNames();

}  // namespace batuta::hubsim
