#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace batuta::transfer {

// A value fit to be handed to another thread: one that shares no memory with the thread it comes from.
//
// For errors that is a copy. (The packaged Abseil counts the references of a Status where ThreadSanitizer
// does not look, so that an error which two threads share is reported as a race that is not there.)
template <typename Value>
Value ForOtherThread(Value value) {
  return value;
}

absl::Status ForOtherThread(const absl::Status& status);

template <typename Value>
absl::StatusOr<Value> ForOtherThread(absl::StatusOr<Value> value) {
  if (!value.ok()) return ForOtherThread(value.status());
  return value;
}

}  // namespace batuta::transfer
