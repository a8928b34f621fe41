#include "tests/hubsim/net/fault_board.h"

#include <algorithm>
#include <utility>

#include "tests/hubsim/net/url.h"

namespace batuta::hubsim {
namespace {

bool IsForListener(const FaultRule& rule, Listener listener) {
  return rule.listener == Listener::kAny || rule.listener == listener;
}

bool Matches(const FaultRule& rule, const FaultTarget& target) {
  if (!IsForListener(rule, target.listener)) return false;
  if (!rule.method.empty() && rule.method != target.method) return false;
  if (rule.path.empty()) return true;
  if (rule.path.find_first_of("*?") != std::string::npos) return GlobMatches(rule.path, target.path);
  return target.path.find(rule.path) != std::string::npos;
}

}  // namespace

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
  if (entry.seen < entry.rule.skip) {
    ++entry.seen;
    return false;
  }
  if (entry.rule.count != kAlways && entry.hits >= entry.rule.count) return false;
  ++entry.hits;
  return true;
}

std::optional<FaultRule> FaultBoard::Claim(FaultKind kind, const FaultTarget& target) {
  const std::scoped_lock lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.rule.kind == kind && Matches(entry.rule, target) && Spend(entry)) return entry.rule;
  }
  return std::nullopt;
}

std::vector<FaultRule> FaultBoard::ClaimAll(FaultKind kind, const FaultTarget& target,
                                            const std::function<bool(const FaultRule&)>& applies) {
  const std::scoped_lock lock(mutex_);
  std::vector<FaultRule> rules;
  for (Entry& entry : entries_) {
    if (entry.rule.kind != kind || !Matches(entry.rule, target) || !applies(entry.rule)) continue;
    if (Spend(entry)) rules.push_back(entry.rule);
  }
  return rules;
}

bool FaultBoard::ClaimResetAtAccept(Listener listener) {
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

std::map<std::uint64_t, int> FaultBoard::HitCounts() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::uint64_t, int> counts;
  for (const Entry& entry : entries_) counts[entry.id] = entry.hits;
  return counts;
}

const FaultRule* FaultPlan::Claim(FaultKind kind) const {
  if (board_ == nullptr) return nullptr;
  auto known = claimed_.find(kind);
  if (known == claimed_.end()) known = claimed_.emplace(kind, board_->Claim(kind, target_)).first;
  return known->second ? &*known->second : nullptr;
}

std::vector<FaultRule> FaultPlan::ClaimAll(FaultKind kind,
                                           const std::function<bool(const FaultRule&)>& applies) const {
  if (board_ == nullptr) return {};
  return board_->ClaimAll(kind, target_, applies);
}

}  // namespace batuta::hubsim
