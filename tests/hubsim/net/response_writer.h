// Writes one answer to the wire, byte by byte where a fault asks for it.
#pragma once

#include <cstdint>
#include <functional>

#include "tests/hubsim/net/fault_board.h"
#include "tests/hubsim/net/http_message.h"
#include "tests/hubsim/net/socket.h"

namespace batuta::hubsim {

struct WriteOutcome {
  std::uint64_t body_bytes = 0;
  bool is_whole = false;
  bool may_keep_connection = false;
};

// Called with the body bytes sent so far.
using WriteProgress = std::function<void(std::uint64_t)>;

// Blocks until the answer is out, cut by its plan, refused by the peer, or the server stops.
WriteOutcome WriteResponse(Connection& connection, const Request& request, Response response,
                           const FaultPlan& plan, bool keep_alive, const WriteProgress& progress);

}  // namespace batuta::hubsim
