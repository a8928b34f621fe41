#include "daemon/budget/fair_queue.h"

#include <iterator>

namespace batuta::budget {

void FairQueue::Push(Id id, const Principal& principal, Priority priority, bool at_front) {
  const size_t number = static_cast<size_t>(priority);
  Lane& lane = lanes_[number];
  auto found = lane.of.find(principal);
  if (found == lane.of.end()) {
    const auto where = at_front ? lane.turns.begin() : lane.turns.end();
    found = lane.of.emplace(principal, lane.turns.insert(where, Turn{principal, {}})).first;
  } else if (at_front) {
    lane.turns.splice(lane.turns.begin(), lane.turns, found->second);
  }
  std::list<Id>& waiting = found->second->waiting;
  const auto position = waiting.insert(at_front ? waiting.begin() : waiting.end(), id);
  index_[id] = {number, found->second, position};
}

std::optional<Priority> FairQueue::TopPriority() const {
  for (const Priority priority : {Priority::kInteractive, Priority::kNormal, Priority::kBackground}) {
    if (Has(priority)) return priority;
  }
  return std::nullopt;
}

FairQueue::Id FairQueue::Pop(Priority priority) {
  Lane& lane = lanes_[static_cast<size_t>(priority)];
  const auto turn = lane.turns.begin();
  const Id id = turn->waiting.front();
  turn->waiting.pop_front();
  index_.erase(id);
  lane.turns.splice(lane.turns.end(), lane.turns, turn);
  DropIfEmpty(lane, turn);
  return id;
}

bool FairQueue::Remove(Id id) {
  const auto found = index_.find(id);
  if (found == index_.end()) return false;
  const Place place = found->second;
  index_.erase(found);
  place.turn->waiting.erase(place.position);
  DropIfEmpty(lanes_[place.lane], place.turn);
  return true;
}

void FairQueue::DropIfEmpty(Lane& lane, std::list<Turn>::iterator turn) {
  if (!turn->waiting.empty()) return;
  lane.of.erase(turn->principal);
  lane.turns.erase(turn);
}

void FairQueue::ForEach(Priority priority, const std::function<void(Id)>& visit) const {
  for (const Turn& turn : lanes_[static_cast<size_t>(priority)].turns) {
    for (const Id id : turn.waiting) visit(id);
  }
}

}  // namespace batuta::budget
