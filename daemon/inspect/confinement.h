#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace batuta::inspect {

// Takes from this process for good what looking into bytes does not need: opening files, sockets, other
// programs, new privileges, core dumps, more than 1 GiB of memory. It ends when its parent does. What the
// kernel cannot do is left out; an error is about the rest. Sanitizers need more than that, and are let be.
absl::Status ShutIn();

// What this process may still compute, counted from now; beyond it the kernel ends it.
void LimitProcessorSeconds(uint64_t seconds);

}  // namespace batuta::inspect
