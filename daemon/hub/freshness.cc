#include "daemon/hub/freshness.h"

namespace batuta::hub {
namespace {

// nullopt: for ever.
std::optional<std::chrono::milliseconds> LifetimeOf(Subject subject, const Lifetimes& lifetimes) {
  switch (subject) {
    case Subject::kTree:
    case Subject::kCommit:
      return std::nullopt;
    case Subject::kRevision:
      return lifetimes.revision;
    case Subject::kSearch:
      return lifetimes.search;
    case Subject::kIdentity:
      return lifetimes.identity;
  }
  return std::chrono::milliseconds(0);
}

}  // namespace

Use Decide(Subject subject, Memory memory, bool is_doubted, const std::optional<Known>& known, WallTime now,
           const Lifetimes& lifetimes) {
  const bool is_usable = known.has_value() && !is_doubted;
  if (memory == Memory::kOnly) return is_usable ? Use::kAnswer : Use::kMiss;
  if (!is_usable) return Use::kAsk;
  const bool may_use = memory == Memory::kUse || subject == Subject::kTree;
  const auto lifetime = LifetimeOf(subject, lifetimes);
  if (may_use && (!lifetime || IsFresh(known->at, now, *lifetime))) return Use::kAnswer;
  return known->has_etag ? Use::kAskIfChanged : Use::kAsk;
}

bool IsFresh(WallTime at, WallTime now, std::chrono::milliseconds lifetime) {
  return at <= now && now - at < lifetime;
}

}  // namespace batuta::hub
