// FaultBoard holds the rules and decides which of them harm a request. Thread safety: all methods from any
// thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "tests/hubsim/fault.h"

namespace batuta::hubsim {

// The rules that apply to one request.
class FaultPlan {
 public:
  void Add(FaultRule rule) { rules_.push_back(std::move(rule)); }

  const FaultRule* Find(FaultKind kind) const;

  bool Has(FaultKind kind) const { return Find(kind) != nullptr; }

  const std::vector<FaultRule>& rules() const { return rules_; }

 private:
  std::vector<FaultRule> rules_;
};

class FaultBoard {
 public:
  FaultHandle Add(FaultRule rule);
  void Clear();

  // Rules that apply to this request; each is spent by one. kFlipByte and kResetAtAccept have their own
  // calls.
  FaultPlan Take(Listener listener, std::string_view method, std::string_view path);

  // Flips inside bytes [offset, offset + length) of a file; spends only those.
  std::vector<std::uint64_t> TakeFlips(Listener listener, std::string_view method, std::string_view path,
                                       std::uint64_t offset, std::uint64_t length);

  bool TakeResetAtAccept(Listener listener);

  // How many requests the rule harmed so far.
  int HitCount(FaultHandle handle) const;

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

}  // namespace batuta::hubsim
