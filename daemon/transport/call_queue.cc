#include "daemon/transport/call_queue.h"

#include <algorithm>
#include <iterator>

namespace batuta::transport {
namespace {

// Origins that are remembered while nothing runs there: what is known of them is worth a handshake, not
// memory.
constexpr size_t kRememberedOrigins = 256;

// What bulk loads may take of a limit.
int BulkShare(int limit) {
  return limit < 2 ? limit : limit - std::max(1, limit / 4);
}

}  // namespace

void CallQueue::Push(CallId id, const std::string& origin, Load load, Priority priority) {
  if (origins_.size() >= kRememberedOrigins) ForgetIdleOrigins();
  const auto place = origins_.try_emplace(origin).first;
  std::list<CallId>& lane = place->second.waiting[static_cast<size_t>(priority)][static_cast<size_t>(load)];
  lane.push_back(id);
  index_[id] = {place, &lane, std::prev(lane.end())};
}

bool CallQueue::HasRoom(const Origin& origin, Load load) const {
  if (running_ >= limits_.total) return false;
  if (load == Load::kBulk) {
    return bulk_running_ < BulkShare(limits_.total) && origin.bulk_running < BulkShare(limits_.per_origin) &&
           origin.short_running + origin.bulk_running < limits_.per_origin;
  }
  // Calls that share a connection hardly count against the bulk loads beside them.
  if (origin.is_multiplexed) return origin.short_running < 4 * limits_.per_origin;
  return origin.short_running + origin.bulk_running < limits_.per_origin;
}

std::optional<CallId> CallQueue::TakeFrom(Origins::iterator origin, size_t priority, Load load) {
  std::list<CallId>& lane = origin->second.waiting[priority][static_cast<size_t>(load)];
  if (lane.empty() || !HasRoom(origin->second, load)) return std::nullopt;
  const CallId id = lane.front();
  lane.pop_front();
  index_.erase(id);
  ++running_;
  if (load == Load::kBulk) {
    ++bulk_running_;
    ++origin->second.bulk_running;
  } else {
    ++origin->second.short_running;
  }
  turn_ = origin->first;
  return id;
}

std::optional<CallId> CallQueue::Next() {
  if (index_.empty() || running_ >= limits_.total) return std::nullopt;
  for (size_t priority = 0; priority < kPriorities; ++priority) {
    for (const Load load : {Load::kShort, Load::kBulk}) {
      const auto first = origins_.upper_bound(turn_);
      for (auto origin = first; origin != origins_.end(); ++origin) {
        if (const std::optional<CallId> id = TakeFrom(origin, priority, load)) return id;
      }
      for (auto origin = origins_.begin(); origin != first; ++origin) {
        if (const std::optional<CallId> id = TakeFrom(origin, priority, load)) return id;
      }
    }
  }
  return std::nullopt;
}

void CallQueue::Finished(const std::string& origin, Load load) {
  Origin& place = origins_.at(origin);
  --running_;
  if (load == Load::kBulk) {
    --bulk_running_;
    --place.bulk_running;
  } else {
    --place.short_running;
  }
}

bool CallQueue::Remove(CallId id) {
  const auto found = index_.find(id);
  if (found == index_.end()) return false;
  found->second.lane->erase(found->second.position);
  index_.erase(found);
  return true;
}

void CallQueue::SetMultiplexed(const std::string& origin) {
  if (const auto found = origins_.find(origin); found != origins_.end()) found->second.is_multiplexed = true;
}

std::optional<CallId> CallQueue::TakeAny() {
  if (index_.empty()) return std::nullopt;
  const CallId id = index_.begin()->first;
  Remove(id);
  return id;
}

void CallQueue::ForgetIdleOrigins() {
  std::erase_if(origins_, [](const Origins::value_type& entry) {
    const Origin& origin = entry.second;
    if (origin.short_running > 0 || origin.bulk_running > 0) return false;
    return std::all_of(origin.waiting.begin(), origin.waiting.end(), [](const auto& loads) {
      return std::all_of(loads.begin(), loads.end(),
                         [](const std::list<CallId>& lane) { return lane.empty(); });
    });
  });
}

}  // namespace batuta::transport
