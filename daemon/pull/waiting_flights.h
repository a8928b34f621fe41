#pragma once

#include <cstddef>
#include <map>
#include <set>

#include "absl/status/status.h"

#include "common/time/clock.h"
#include "daemon/transport/http_transport.h"

namespace batuta::pull {

// Why a blob under way does not move; as in transfer::TransferObserver::OnWaiting.
struct Hold {
  transport::WaitInfo info;
  absl::Status cause;
  int attempt = 0;
};

// WaitingFlights knows which of a pull's blobs under way move and which are held back, and so whether the
// pull as a whole waits. Pure; not thread-safe.
class WaitingFlights {
 public:
  // Bytes of it came.
  void Move(size_t flight);

  void Wait(size_t flight, Hold hold);

  void End(size_t flight);

  // Why nothing moves: of the flights that are held back beyond `now`, the one that goes on first. Null when
  // none is, or when another one moves. Valid until the next change.
  const Hold* Look(WallTime now) const;

 private:
  std::set<size_t> moving_;
  std::map<size_t, Hold> waiting_;
};

}  // namespace batuta::pull
