#pragma once

#include <string>

#include "common/config/locations.h"
#include "common/time/clock.h"
#include "daemon/doctor/facts.h"
#include "daemon/transport/http_transport.h"

namespace batuta::doctor {

struct NetworkSubject {
  std::string endpoint;
  std::string ca_file = {};  // empty: the system's
  bool offline = false;
  Environment environment;
};

// Asks the hub once, and before that the resolver, unless `without_network` or the daemon is offline. Blocks
// for twenty seconds at most.
NetworkFacts ProbeNetwork(const NetworkSubject& subject, transport::HttpTransport& http, const Clock& clock,
                          bool without_network);

}  // namespace batuta::doctor
