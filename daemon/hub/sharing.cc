#include "daemon/hub/sharing.h"

#include <atomic>

namespace batuta::hub {
namespace {

// How far past what is remembered a request asks.
int Insistence(const Terms& terms) {
  if (terms.is_doubted) return 2;
  return terms.memory == Memory::kRenew ? 1 : 0;
}

}  // namespace

Terms TermsOf(const Access& access, bool is_doubted) {
  const auto& changing = access.changing_priority;
  return {.principal = access.principal,
          .priority = changing == nullptr ? access.priority : changing->load(std::memory_order_relaxed),
          .may_wait = access.may_wait,
          .memory = access.memory,
          .is_doubted = is_doubted};
}

bool MayShare(const Terms& under_way, bool is_held_back, const Terms& own) {
  if (under_way.priority > own.priority || Insistence(under_way) < Insistence(own)) return false;
  return !is_held_back || (own.may_wait && under_way.principal == own.principal);
}

bool MustAskItself(const Terms& refused, const Terms& own) {
  return !refused.may_wait && own.may_wait;
}

}  // namespace batuta::hub
