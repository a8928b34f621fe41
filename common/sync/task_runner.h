#pragma once

#include "absl/functional/any_invocable.h"

#include "common/time/clock.h"

namespace batuta {

using Task = absl::AnyInvocable<void()>;

// TaskRunner runs tasks one after another, each a full memory barrier from the next. A task never runs inside
// Post(). Tasks posted after the runner has stopped are destroyed unrun. Thread-safe.
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  virtual void Post(Task task) = 0;

  // Not before `delay` has passed on the steady clock. There is no cancel: a task that may be stale checks a
  // weak_ptr or a generation number.
  virtual void PostAfter(Duration delay, Task task) = 0;

  // True on the thread that is running a task of this runner.
  virtual bool IsCurrent() const = 0;
};

}  // namespace batuta
