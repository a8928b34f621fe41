#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace batuta::client {

// What the shell gets for an error: decided by code and reason alone, never by text. Pure.
//
//   0 done · 1 another reason · 2 usage · 3 no daemon · 4 not found · 5 not permitted · 6 rate limited or
//   unreachable · 7 disk or quota full, or no variant fits · 8 refused by policy · 9 integrity · 10 offline
//   and not cached · 130 interrupted
//
// An interruption by the caller is kCancelled (CANCELLED); the end of a job that somebody else cancelled is
// kAborted (CANCELLED).
int ExitCode(absl::StatusCode code, std::string_view reason);

int ExitCode(const absl::Status& status);

// How a verification of the cache ends: OK when all is right or mended. Else an error whose exit code is a
// mask: 1 always, 8 when damage remains (together 9, a damaged cache), 16 when something could not be
// checked.
absl::Status VerifyOutcome(uint64_t damaged_files, uint64_t unreadable_files);

}  // namespace batuta::client
