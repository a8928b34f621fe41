#include "daemon/app/surroundings.h"

#include <utility>

#include <unistd.h>

#include "common/config/hub_token.h"
#include "common/config/locations.h"
#include "common/status/status.h"

namespace batuta::app {

Secret TokenOf(uint32_t uid) {
  if (uid != getuid()) return Secret();
  absl::StatusOr<HubToken> found = FindHubToken(ProcessEnvironment());
  return found.ok() ? std::move(found->token) : Secret();
}

absl::StatusOr<Machine> DetectThisMachine() {
  ASSIGN_OR_RETURN(const MachineSources sources, ProcessMachineSources(ProcessEnvironment()));
  return DetectMachine(sources);
}

}  // namespace batuta::app
