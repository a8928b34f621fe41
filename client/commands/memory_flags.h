#pragma once

#include "absl/status/status.h"

#include "client/commands/flags.h"
#include "common/config/locations.h"
#include "common/status/status.h"

namespace batuta::client {

// The flags --refresh and --offline of the commands that ask the hub: may what the daemon remembers answer?
struct MemoryFlags {
  bool refresh = false;
  bool offline = false;

  void Define(Flags& flags);

  // HF_HUB_OFFLINE counts as --offline. `Request` has fields of these names.
  //   kInvalidArgument (INVALID_ARGUMENT)  both at once.
  template <typename Request>
  absl::Status Put(const Environment& environment, Request* request) const {
    RETURN_IF_ERROR(Check(environment));
    request->set_refresh(refresh);
    request->set_offline(offline || IsOffline(environment));
    return absl::OkStatus();
  }

 private:
  absl::Status Check(const Environment& environment) const;
};

}  // namespace batuta::client
