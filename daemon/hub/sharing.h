#pragma once

#include "common/types/principal.h"
#include "daemon/hub/hub_client.h"

// Who may share a request that is under way. Pure.
namespace batuta::hub {

// On whose terms a request is made, or would be.
struct Terms {
  Principal principal;
  Priority priority = Priority::kNormal;
  bool may_wait = true;
  Memory memory = Memory::kUse;
  bool is_doubted = false;  // see Question
};

Terms TermsOf(const Access& access, bool is_doubted);

// May a caller who would ask on terms of its own take the answer to the request that is `under_way` instead?
// Only when that costs it nothing: the request is at least as urgent, and asks at least as far past what is
// remembered. While the budget holds the request back, it stands in the place of whoever made it: others of
// the same principal may wait with it, everybody else has a place of his own.
bool MayShare(const Terms& under_way, bool is_held_back, const Terms& own);

// The request was refused because whoever made it would not wait. Must `own` ask for itself?
bool MustAskItself(const Terms& refused, const Terms& own);

}  // namespace batuta::hub
