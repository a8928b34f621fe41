// FaultBoard holds the rules and decides which of them harm a request. Thread safety: all methods from any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/hubsim/fault.h"

namespace batuta::hubsim {

// What the rules look at in a request.
struct FaultTarget {
  Listener listener = Listener::kHub;
  std::string method = {};
  std::string path = {};  // decoded
};

class FaultBoard {
 public:
  FaultHandle Add(FaultRule rule);
  void Clear();

  // The first matching rule of that kind that is not spent, now spent by one. Rules before it only count the
  // request as seen when they still skip.
  std::optional<FaultRule> Claim(FaultKind kind, const FaultTarget& target);

  // All such rules for which `applies` holds.
  std::vector<FaultRule> ClaimAll(FaultKind kind, const FaultTarget& target,
                                  const std::function<bool(const FaultRule&)>& applies);

  bool ClaimResetAtAccept(Listener listener);

  // How many requests the rule harmed so far.
  int HitCount(FaultHandle handle) const;
  std::map<std::uint64_t, int> HitCounts() const;  // by id

 private:
  struct Entry {
    std::uint64_t id = 0;
    FaultRule rule;
    int seen = 0;
    int hits = 0;
  };

  static bool Spend(Entry& entry);

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::uint64_t next_id_ = 1;
};

// FaultPlan is one request's view of the board. A rule is claimed where it takes effect, so that a cut is
// spent by an answer with a body and not by the redirect before it. Asking twice gives the same answer.
// Thread safety: one thread uses it.
class FaultPlan {
 public:
  FaultPlan() = default;  // no faults

  FaultPlan(FaultBoard& board, FaultTarget target) : board_(&board), target_(std::move(target)) {}

  // Null when no rule of that kind harms this request. Valid as long as the plan.
  const FaultRule* Claim(FaultKind kind) const;

  bool Claims(FaultKind kind) const { return Claim(kind) != nullptr; }

  std::vector<FaultRule> ClaimAll(FaultKind kind, const std::function<bool(const FaultRule&)>& applies) const;

 private:
  FaultBoard* board_ = nullptr;
  FaultTarget target_;
  mutable std::map<FaultKind, std::optional<FaultRule>> claimed_;
};

}  // namespace batuta::hubsim
