#include "client/commands/memory_flags.h"

#include "client/commands/usage_error.h"

namespace batuta::client {

void MemoryFlags::Define(Flags& flags) {
  flags.Switch(&refresh, "--refresh", "ask the hub, whatever is remembered");
  flags.Switch(&offline, "--offline", "make no request: take what is remembered or cached");
}

absl::Status MemoryFlags::Check(const Environment& environment) const {
  if (!refresh) return absl::OkStatus();
  if (offline) return UsageError("--refresh and --offline exclude each other", "leave one of them out");
  if (IsOffline(environment)) {
    return UsageError("--refresh asks the hub, and HF_HUB_OFFLINE forbids that",
                      "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE, or leave --refresh out");
  }
  return absl::OkStatus();
}

}  // namespace batuta::client
