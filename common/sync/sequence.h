#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"

#include "common/sync/task_runner.h"

namespace batuta {

// Sequence is a TaskRunner on a thread of its own, and a capability that Clang checks: state that lives on it
// is declared ABSL_GUARDED_BY(sequence) and its entry points call AssertCurrent(). The daemon has one, the
// core sequence: jobs, queue, budget and every decision live there; nothing on it blocks.
class ABSL_LOCKABLE Sequence : public TaskRunner {
 public:
  // `name` is the thread's name (≤ 15 characters).
  static std::unique_ptr<Sequence> Start(std::string name);

  // Aborts when called from elsewhere.
  virtual void AssertCurrent() const ABSL_ASSERT_EXCLUSIVE_LOCK() = 0;

  // Runs what is posted already (not what is delayed), then joins. Idempotent; not from the sequence itself.
  virtual void Stop() = 0;
};

// Runs `function` on `runner` and waits for its result. Only for main and tests: never on a gRPC thread,
// never on the runner itself, and not once the runner has stopped.
template <typename Function>
auto RunOn(TaskRunner& runner, Function function) -> decltype(function());

}  // namespace batuta

#include "common/sync/run_on.inc"
