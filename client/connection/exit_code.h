#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace batuta::client {

// What the shell gets for an error: decided by code and reason alone, never by text. Pure.
//
//   0 done · 1 another reason · 2 usage · 3 no daemon · 4 not found · 5 not permitted · 6 rate limited or
//   unreachable · 7 disk or quota full · 8 refused by policy · 9 integrity · 10 offline and not cached · 130
//   interrupted
//
// An interruption by the caller is kCancelled (CANCELLED); the end of a job that somebody else cancelled is
// kAborted (CANCELLED).
int ExitCode(absl::StatusCode code, std::string_view reason);

int ExitCode(const absl::Status& status);

}  // namespace batuta::client
