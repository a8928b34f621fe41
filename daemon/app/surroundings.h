#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

#include "common/machine/machine.h"
#include "common/types/secret.h"

// What the daemon's process finds around it. Block for the disk.
namespace batuta::app {

// A job of this user that lost its token with the last daemon may use the one in the user's token file.
Secret TokenOf(uint32_t uid);

// As far as the daemon may see it.
absl::StatusOr<Machine> DetectThisMachine();

}  // namespace batuta::app
