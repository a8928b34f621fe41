#include "daemon/budget/fair_queue.h"

#include <algorithm>
#include <utility>

namespace batuta::budget {
namespace {

// The element of that key: found, or made at the end; at the front when asked for.
template <typename List, typename Index, typename Key>
typename List::iterator Ensure(List& list, Index& of, const Key& key, typename List::value_type made,
                               bool at_front) {
  const auto front = list.begin();
  const auto found = of.find(key);
  if (found == of.end()) {
    return of.emplace(key, list.insert(at_front ? front : list.end(), std::move(made))).first->second;
  }
  if (at_front) list.splice(front, list, found->second);
  return found->second;
}

}  // namespace

void FairQueue::Push(Id id, const Principal& principal, const std::string& name, Priority priority,
                     bool at_front) {
  const size_t number = static_cast<size_t>(priority);
  Lane& lane = lanes_[number];
  // Who comes back was served just now: waiting for nothing earns no turn.
  uint64_t& served = lane.served.try_emplace(principal.uid, taken_).first->second;
  if (at_front) served = 0;
  const auto turn = Ensure(lane.turns, lane.of, principal, Turn{principal, {}, {}, 0}, at_front);
  const auto job = Ensure(turn->jobs, turn->of, name, Job{name, {}}, at_front);
  const auto position = job->waiting.insert(at_front ? job->waiting.begin() : job->waiting.end(), id);
  ++turn->size;
  index_[id] = {number, turn, job, position};
}

std::list<FairQueue::Job>::iterator FairQueue::NextJob(Turn& turn, MayGo may_go) {
  return std::ranges::find_if(turn.jobs, [&](const Job& job) { return may_go(turn.principal, job.name); });
}

// Of the user who was served the longest ago; of his the first. The end: none may go.
std::list<FairQueue::Turn>::iterator FairQueue::NextTurn(Lane& lane, MayGo may_go) {
  auto next = lane.turns.end();
  uint64_t earliest = UINT64_MAX;
  for (auto turn = lane.turns.begin(); turn != lane.turns.end(); ++turn) {
    const uint64_t served = lane.served.at(turn->principal.uid);
    if (served >= earliest || NextJob(*turn, may_go) == turn->jobs.end()) continue;
    next = turn;
    earliest = served;
  }
  return next;
}

std::optional<FairQueue::Id> FairQueue::Pop(Priority priority, MayGo may_go) {
  Lane& lane = lanes_[static_cast<size_t>(priority)];
  const auto turn = NextTurn(lane, may_go);
  if (turn == lane.turns.end()) return std::nullopt;
  const auto job = NextJob(*turn, may_go);
  const Id id = job->waiting.front();
  // Whoever was served goes to the end of all rounds.
  lane.served.at(turn->principal.uid) = ++taken_;
  turn->jobs.splice(turn->jobs.end(), turn->jobs, job);
  lane.turns.splice(lane.turns.end(), lane.turns, turn);
  Remove(id);
  return id;
}

bool FairQueue::Remove(Id id) {
  const auto found = index_.find(id);
  if (found == index_.end()) return false;
  const Place place = found->second;
  index_.erase(found);
  Lane& lane = lanes_[place.lane];
  place.job->waiting.erase(place.position);
  --place.turn->size;
  if (!place.job->waiting.empty()) return true;
  place.turn->of.erase(place.job->name);
  place.turn->jobs.erase(place.job);
  if (!place.turn->jobs.empty()) return true;
  const uint32_t uid = place.turn->principal.uid;
  lane.of.erase(place.turn->principal);
  lane.turns.erase(place.turn);
  const auto of_user = lane.of.lower_bound(Principal{.uid = uid, .tool = {}});
  if (of_user == lane.of.end() || of_user->first.uid != uid) lane.served.erase(uid);
  return true;
}

void FairQueue::ForEach(Priority priority, absl::FunctionRef<void(Id)> visit) const {
  for (const Turn& turn : lanes_[static_cast<size_t>(priority)].turns) {
    for (const Job& job : turn.jobs) {
      for (const Id id : job.waiting) visit(id);
    }
  }
}

std::map<Principal, size_t> FairQueue::Waiting() const {
  std::map<Principal, size_t> waiting;
  for (const Lane& lane : lanes_) {
    for (const Turn& turn : lane.turns) waiting[turn.principal] += turn.size;
  }
  return waiting;
}

}  // namespace batuta::budget
