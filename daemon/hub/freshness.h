#pragma once

#include <chrono>
#include <optional>

#include "common/time/clock.h"

// How long what the hub said is believed. Pure.
namespace batuta::hub {

// What a question is about decides how long its answer holds.
enum class Subject {
  kTree,    // the files of a commit: can never change
  kCommit,  // what the hub says of a repo at a commit: kept for ever, asked again on request (it has counts)
  kRevision,  // where a branch or tag stands, and what the hub says of the repo there
  kSearch,
  kIdentity,  // the owner of a token
};

// What may answer a caller.
enum class Memory {
  kUse,    // what is remembered while it is fresh, else the hub
  kRenew,  // the hub, for everything that can have changed
  kOnly,   // what is remembered, whatever its age; the hub is not asked
};

// How long answers are fresh; 0 = not at all.
struct Lifetimes {
  std::chrono::milliseconds revision{60'000};
  std::chrono::milliseconds search{60'000};
  std::chrono::milliseconds identity{300'000};
  std::chrono::milliseconds refusal{30'000};  // that a repo or revision does not exist
};

// What is known about a remembered answer.
struct Known {
  WallTime at;
  bool has_etag = false;
};

enum class Use {
  kAnswer,        // take what is remembered
  kAsk,           // ask the hub
  kAskIfChanged,  // ask the hub whether what is remembered still holds
  kMiss,          // there is no answer
};

// `is_doubted`: what is remembered has been tried and made no sense.
Use Decide(Subject subject, Memory memory, bool is_doubted, const std::optional<Known>& known, WallTime now,
           const Lifetimes& lifetimes);

// Was it learned within `lifetime` before `now`? What comes from the future (the clock was set back) is not
// fresh.
bool IsFresh(WallTime at, WallTime now, std::chrono::milliseconds lifetime);

}  // namespace batuta::hub
