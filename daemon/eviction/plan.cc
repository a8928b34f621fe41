#include "daemon/eviction/plan.h"

#include <algorithm>
#include <queue>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::eviction {
namespace {

constexpr uint32_t kNone = ~uint32_t{0};

// Who needs whom, without the edges that would close a circle.
class Needs {
 public:
  explicit Needs(const Inventory& inventory)
      : bases_(inventory.snapshots.size()), dependents_(inventory.snapshots.size()) {
    state_.resize(bases_.size(), State::kNew);
    for (uint32_t snapshot = 0; snapshot < bases_.size(); ++snapshot) Visit(inventory, snapshot);
    std::reverse(order_.begin(), order_.end());
  }

  const std::vector<uint32_t>& bases(uint32_t snapshot) const { return bases_[snapshot]; }

  const std::vector<uint32_t>& dependents(uint32_t snapshot) const { return dependents_[snapshot]; }

  // Every snapshot before its bases.
  const std::vector<uint32_t>& order() const { return order_; }

 private:
  enum class State : uint8_t { kNew, kUnderWay, kDone };

  struct Step {
    uint32_t snapshot;
    size_t next = 0;
  };

  void Visit(const Inventory& inventory, uint32_t root) {
    if (state_[root] != State::kNew) return;
    std::vector<Step> path = {{root}};
    state_[root] = State::kUnderWay;
    while (!path.empty()) {
      Step& step = path.back();
      const std::vector<uint32_t>& needs = inventory.snapshots[step.snapshot].needs;
      if (step.next == needs.size()) {
        state_[step.snapshot] = State::kDone;
        order_.push_back(step.snapshot);
        path.pop_back();
        continue;
      }
      const uint32_t base = needs[step.next++];
      if (state_[base] == State::kUnderWay) continue;  // closes a circle
      bases_[step.snapshot].push_back(base);
      dependents_[base].push_back(step.snapshot);
      if (state_[base] == State::kDone) continue;
      state_[base] = State::kUnderWay;
      path.push_back({base});
    }
  }

  std::vector<std::vector<uint32_t>> bases_;
  std::vector<std::vector<uint32_t>> dependents_;
  std::vector<uint32_t> order_;
  std::vector<State> state_;
};

class Planning {
 public:
  Planning(const Inventory& inventory, const Goal& goal)
      : inventory_(inventory),
        goal_(goal),
        needs_(inventory),
        left_(inventory.snapshots.size(), 0),
        needed_by_(inventory.snapshots.size(), 0),
        holders_(inventory.blob_bytes.size(), 0),
        members_(inventory.snapshots.size()),
        used_(inventory.snapshots.size()),
        decisions_(inventory.selections.size()),
        is_evicted_(inventory.selections.size(), false) {}

  Plan Run() {
    Count();
    RateAccess();
    for (uint32_t snapshot = 0; snapshot < left_.size(); ++snapshot) {
      if (needed_by_[snapshot] == 0) Offer(snapshot);
    }
    EvictOldest();
    SpareTheUseless();
    return Result();
  }

 private:
  // When the snapshot counts as used, and through which one.
  struct Used {
    WallTime at = WallTime::min();
    uint32_t through = kNone;
  };

  // By age; of equals the first of the inventory.
  using Candidate = std::pair<WallTime, uint32_t>;

  void Count() {
    for (uint32_t i = 0; i < inventory_.selections.size(); ++i) {
      const Inventory::Selection& selection = inventory_.selections[i];
      ++left_[selection.snapshot];
      members_[selection.snapshot].push_back(i);
      for (const uint32_t blob : selection.blobs) ++holders_[blob];
    }
    for (uint32_t snapshot = 0; snapshot < left_.size(); ++snapshot) {
      if (left_[snapshot] == 0) continue;
      for (const uint32_t base : needs_.bases(snapshot)) ++needed_by_[base];
    }
  }

  // A use of a model is a use of its bases.
  void RateAccess() {
    for (const uint32_t snapshot : needs_.order()) {
      for (const uint32_t dependent : needs_.dependents(snapshot)) {
        if (left_[dependent] == 0) continue;
        WallTime at = used_[dependent].at;
        for (const uint32_t i : members_[dependent]) at = std::max(at, inventory_.selections[i].last_access);
        if (at > used_[snapshot].at) used_[snapshot] = {at, dependent};
      }
      for (const uint32_t i : members_[snapshot]) {
        const WallTime own = inventory_.selections[i].last_access;
        const Used& used = used_[snapshot];
        decisions_[i].selection = i;
        decisions_[i].counts_as_used = std::max(own, used.at);
        if (used.at > own) decisions_[i].because = used.through;
      }
    }
  }

  static std::optional<Reason> WhyHeld(const Inventory::Selection& selection) {
    if (selection.pin) return Reason::kPinned;
    if (selection.leases > 0) return Reason::kLeased;
    if (selection.is_open) return Reason::kOpen;
    if (selection.is_being_filled) return Reason::kFilled;
    return std::nullopt;
  }

  // Nothing needs the snapshot any more: its selections may go.
  void Offer(uint32_t snapshot) {
    for (const uint32_t i : members_[snapshot]) {
      if (!WhyHeld(inventory_.selections[i])) candidates_.emplace(decisions_[i].counts_as_used, i);
    }
  }

  void EvictOldest() {
    while (freed_bytes_ < goal_.wanted_bytes && !candidates_.empty()) {
      const uint32_t oldest = candidates_.top().second;
      candidates_.pop();
      is_evicted_[oldest] = true;
      evicted_.push_back(oldest);
      for (const uint32_t blob : inventory_.selections[oldest].blobs) {
        if (--holders_[blob] == 0) freed_bytes_ += inventory_.blob_bytes[blob];
      }
      const uint32_t snapshot = inventory_.selections[oldest].snapshot;
      if (--left_[snapshot] > 0) continue;
      for (const uint32_t base : needs_.bases(snapshot)) {
        if (--needed_by_[base] == 0) Offer(base);
      }
    }
  }

  // Going by age alone takes what frees nothing, or nothing that is still wanted once a larger one went. From
  // the most recent on, what can stay stays; a model only when its bases do.
  void SpareTheUseless() {
    const uint64_t enough_bytes = std::min(goal_.wanted_bytes, freed_bytes_);
    for (auto i = evicted_.rbegin(); i != evicted_.rend(); ++i) {
      const Inventory::Selection& selection = inventory_.selections[*i];
      uint64_t own_bytes = 0;
      for (const uint32_t blob : selection.blobs) {
        if (holders_[blob] == 0) own_bytes += inventory_.blob_bytes[blob];
      }
      if (freed_bytes_ - own_bytes < enough_bytes || !KeepsItsBases(selection.snapshot)) continue;
      is_evicted_[*i] = false;
      decisions_[*i].reason = Reason::kFreesNothing;
      freed_bytes_ -= own_bytes;
      for (const uint32_t blob : selection.blobs) ++holders_[blob];
      if (left_[selection.snapshot]++ > 0) continue;
      for (const uint32_t base : needs_.bases(selection.snapshot)) ++needed_by_[base];
    }
    std::erase_if(evicted_, [this](uint32_t i) { return !is_evicted_[i]; });
  }

  bool KeepsItsBases(uint32_t snapshot) const {
    const auto& bases = needs_.bases(snapshot);
    return std::all_of(bases.begin(), bases.end(), [this](uint32_t base) {
      const auto& members = members_[base];
      return std::none_of(members.begin(), members.end(), [this](uint32_t i) { return is_evicted_[i]; });
    });
  }

  Plan Result() {
    Plan plan;
    // Told in their order, so that the bytes of a shared blob stand where its last holder goes.
    for (const uint32_t i : evicted_) {
      for (const uint32_t blob : inventory_.selections[i].blobs) ++holders_[blob];
    }
    for (const uint32_t i : evicted_) {
      Decision& decision = decisions_[i];
      decision.reason = Reason::kOldest;
      for (const uint32_t blob : inventory_.selections[i].blobs) {
        if (--holders_[blob] == 0) decision.freed_bytes += inventory_.blob_bytes[blob];
      }
      plan.freed_bytes += decision.freed_bytes;
      plan.evicted.push_back(decision);
    }
    for (uint32_t i = 0; i < decisions_.size(); ++i) {
      if (!is_evicted_[i]) plan.kept.push_back(Kept(i));
    }
    plan.is_enough = plan.freed_bytes >= goal_.must_bytes;
    return plan;
  }

  Decision Kept(uint32_t i) const {
    const Inventory::Selection& selection = inventory_.selections[i];
    Decision decision = decisions_[i];
    if (const std::optional<Reason> held = WhyHeld(selection)) {
      decision.reason = *held;
    } else if (needed_by_[selection.snapshot] > 0) {
      decision.reason = Reason::kNeeded;
      for (const uint32_t dependent : needs_.dependents(selection.snapshot)) {
        if (left_[dependent] > 0) decision.because = dependent;
      }
    }
    return decision;
  }

  const Inventory& inventory_;
  const Goal& goal_;
  const Needs needs_;
  std::vector<uint32_t> left_;                  // by snapshot: its selections that stay
  std::vector<uint32_t> needed_by_;             // by snapshot: how many snapshots that stay need it
  std::vector<uint32_t> holders_;               // by blob: selections that stay
  std::vector<std::vector<uint32_t>> members_;  // by snapshot
  std::vector<Used> used_;                      // by snapshot
  std::vector<Decision> decisions_;             // by selection
  std::vector<bool> is_evicted_;
  std::vector<uint32_t> evicted_;  // in order
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates_;
  uint64_t freed_bytes_ = 0;
};

uint64_t Above(uint64_t value, uint64_t limit) {
  return value > limit ? value - limit : 0;
}

// Without overflow: `percent` is at most 100.
uint64_t PercentOf(uint64_t bytes, int percent) {
  const auto share = static_cast<uint64_t>(percent);
  return bytes / 100 * share + bytes % 100 * share / 100;
}

std::string Ago(WallTime at, WallTime now) {
  if (at >= now) return "just now";
  return FormatDuration(std::chrono::duration_cast<std::chrono::milliseconds>(now - at)) + " ago";
}

}  // namespace

Goal GoalFor(const Quota& quota, const Usage& usage) {
  Goal goal;
  goal.must_bytes = Above(usage.unwritten_bytes + quota.min_free_bytes, usage.free_bytes);
  goal.wanted_bytes = goal.must_bytes;
  if (quota.max_bytes == 0) return goal;
  const uint64_t total_bytes = usage.used_bytes + usage.unwritten_bytes;
  goal.must_bytes = std::max(goal.must_bytes, Above(total_bytes, quota.max_bytes));
  if (total_bytes > PercentOf(quota.max_bytes, quota.high_percent)) {
    goal.wanted_bytes = Above(total_bytes, PercentOf(quota.max_bytes, quota.low_percent));
  }
  goal.wanted_bytes = std::max(goal.must_bytes, goal.wanted_bytes);
  return goal;
}

Plan PlanEviction(const Inventory& inventory, const Goal& goal) {
  return Planning(inventory, goal).Run();
}

std::vector<uint64_t> FreedInOrder(const Inventory& inventory, const std::vector<uint32_t>& selections) {
  std::vector<uint32_t> holders(inventory.blob_bytes.size(), 0);
  for (const Inventory::Selection& selection : inventory.selections) {
    for (const uint32_t blob : selection.blobs) ++holders[blob];
  }
  std::vector<uint64_t> freed;
  for (const uint32_t selection : selections) {
    freed.push_back(0);
    for (const uint32_t blob : inventory.selections[selection].blobs) {
      if (--holders[blob] == 0) freed.back() += inventory.blob_bytes[blob];
    }
  }
  return freed;
}

std::string Explain(const Decision& decision, const Inventory& inventory, WallTime now) {
  const Inventory::Selection& selection = inventory.selections[decision.selection];
  const std::string because = decision.because ? inventory.snapshots[*decision.because].name : std::string();
  std::string used = fmt::format("last used {}", Ago(selection.last_access, now));
  switch (decision.reason) {
    case Reason::kPinned:
      return selection.pin->empty() ? "pinned" : fmt::format("pinned: {}", Printable(*selection.pin));
    case Reason::kLeased:
      return "in use by a job or a client";
    case Reason::kOpen:
      return "a process has one of its files open";
    case Reason::kFilled:
      return "another program wrote to its repo a moment ago";
    case Reason::kNeeded:
      return fmt::format("{} needs it", because);
    case Reason::kOldest:
      return because.empty() ? fmt::format("least recently used: {}", used)
                             : fmt::format("least recently used: {}, counts as used with {}", used, because);
    case Reason::kRecent:
      return because.empty() ? used : fmt::format("{}, counts as used with {}", used, because);
    case Reason::kFreesNothing:
      return "its removal would free nothing that is wanted: its files are shared, or enough was freed "
             "without it";
  }
  return used;
}

}  // namespace batuta::eviction
