#include "tests/hubsim/net/fault_board.h"

#include <algorithm>
#include <utility>

#include "tests/hubsim/net/url.h"

namespace batuta::hubsim {
namespace {

bool IsForListener(const FaultRule& rule, Listener listener) {
  return rule.listener == Listener::kAny || rule.listener == listener;
}

bool Matches(const FaultRule& rule, Listener listener, std::string_view method, std::string_view path) {
  if (!IsForListener(rule, listener)) return false;
  if (!rule.method.empty() && rule.method != method) return false;
  if (rule.path.empty()) return true;
  if (rule.path.find_first_of("*?") != std::string::npos) return GlobMatches(rule.path, path);
  return path.find(rule.path) != std::string_view::npos;
}

bool MayRepeat(FaultKind kind) {
  return kind == FaultKind::kSetHeader || kind == FaultKind::kDropHeader;
}

}  // namespace

const FaultRule* FaultPlan::Find(FaultKind kind) const {
  const auto rule = std::ranges::find(rules_, kind, &FaultRule::kind);
  return rule == rules_.end() ? nullptr : &*rule;
}

FaultHandle FaultBoard::Add(FaultRule rule) {
  const std::scoped_lock lock(mutex_);
  entries_.push_back({.id = next_id_, .rule = std::move(rule)});
  return {.id = next_id_++};
}

void FaultBoard::Clear() {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
}

bool FaultBoard::Spend(Entry& entry) {
  if (entry.seen++ < entry.rule.skip) return false;
  if (entry.rule.count != kAlways && entry.hits >= entry.rule.count) return false;
  ++entry.hits;
  return true;
}

FaultPlan FaultBoard::Take(Listener listener, std::string_view method, std::string_view path) {
  const std::scoped_lock lock(mutex_);
  FaultPlan plan;
  for (Entry& entry : entries_) {
    const FaultKind kind = entry.rule.kind;
    if (kind == FaultKind::kFlipByte || kind == FaultKind::kResetAtAccept) continue;
    if (!Matches(entry.rule, listener, method, path)) continue;
    if (plan.Has(kind) && !MayRepeat(kind)) continue;
    if (Spend(entry)) plan.Add(entry.rule);
  }
  return plan;
}

std::vector<std::uint64_t> FaultBoard::TakeFlips(Listener listener, std::string_view method,
                                                 std::string_view path, std::uint64_t offset,
                                                 std::uint64_t length) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::uint64_t> flips;
  for (Entry& entry : entries_) {
    const FaultRule& rule = entry.rule;
    if (rule.kind != FaultKind::kFlipByte || rule.at_bytes < offset || rule.at_bytes - offset >= length)
      continue;
    if (Matches(rule, listener, method, path) && Spend(entry)) flips.push_back(rule.at_bytes);
  }
  return flips;
}

bool FaultBoard::TakeResetAtAccept(Listener listener) {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(entries_, [listener](Entry& entry) {
    return entry.rule.kind == FaultKind::kResetAtAccept && IsForListener(entry.rule, listener) &&
           Spend(entry);
  });
}

int FaultBoard::HitCount(FaultHandle handle) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = std::ranges::find(entries_, handle.id, &Entry::id);
  return entry == entries_.end() ? 0 : entry->hits;
}

}  // namespace batuta::hubsim
