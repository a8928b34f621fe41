// RequestRecorder keeps the request log. Thread safety: all methods from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "tests/hubsim/request_log.h"

namespace batuta::hubsim {

class RequestRecorder {
 public:
  using Log = std::vector<LoggedRequest>;
  using Edit = std::function<void(LoggedRequest&)>;

  // Returns the entry's number. Beyond 100,000 entries the oldest are forgotten.
  std::uint64_t Begin(LoggedRequest request);

  // Changes the entry if it is still there.
  void Update(std::uint64_t number, const Edit& edit);

  Log Snapshot() const;
  void Clear();

  // True as soon as `is_true(log)`; false after `timeout`.
  bool WaitFor(const std::function<bool(const Log&)>& is_true, std::chrono::milliseconds timeout) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<LoggedRequest> entries_;
  std::uint64_t next_number_ = 1;
};

}  // namespace batuta::hubsim
