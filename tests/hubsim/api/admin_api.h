// The admin endpoint under /__hubsim/ on the hub's port, for tests in other languages. Never counted, logged
// or harmed.
//
//   GET    /__hubsim/requests   the log as JSON              DELETE /__hubsim/requests   clear it
//   GET    /__hubsim/stats      sums over the log
//   POST   /__hubsim/faults     add rules (fault_json.h)     DELETE /__hubsim/faults     clear all
//   POST   /__hubsim/commit     {"kind": "model", "repo": "acme/otter", "branch": "main", "create": true,
//                                "title": "…", "deleted": ["path"], "files": {"path": FILE}} -> {"commit"}
//                               where FILE is "text", {"base64": "…"} or {"size": N, "seed": N}
//   POST   /__hubsim/scan       {"kind": "model", "repo": "acme/otter", "files": {"path": LEVEL}}: what
//                               the scanners say from now on, where LEVEL is "unsafe" or a whole
//                               securityFileStatus
//   GET    /__hubsim/windows    what was used and refused in each rate-limit window since the start
//   POST   /__hubsim/window     begin new rate-limit windows for everyone
#pragma once

#include "tests/hubsim/hub_sim.h"
#include "tests/hubsim/net/http_message.h"

namespace batuta::hubsim {

Response AdminAnswer(HubSim& sim, const Request& request);

}  // namespace batuta::hubsim
