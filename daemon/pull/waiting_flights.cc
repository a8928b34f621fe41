#include "daemon/pull/waiting_flights.h"

#include <utility>

namespace batuta::pull {

void WaitingFlights::Move(size_t flight) {
  waiting_.erase(flight);
  moving_.insert(flight);
}

void WaitingFlights::Wait(size_t flight, Hold hold) {
  moving_.erase(flight);
  waiting_.insert_or_assign(flight, std::move(hold));
}

void WaitingFlights::End(size_t flight) {
  waiting_.erase(flight);
  moving_.erase(flight);
}

const Hold* WaitingFlights::Look(WallTime now) const {
  if (!moving_.empty()) return nullptr;
  const Hold* first = nullptr;
  for (const auto& [flight, hold] : waiting_) {
    if (hold.info.until <= now) continue;  // it may go on, and will be heard of
    if (first == nullptr || hold.info.until < first->info.until) first = &hold;
  }
  return first;
}

}  // namespace batuta::pull
