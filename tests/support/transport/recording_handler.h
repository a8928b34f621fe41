#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/sync/mutex.h"
#include "daemon/transport/http_transport.h"

namespace batuta {

// RecordingHandler keeps what it is told, and reads at most when the test lets it. Thread-safe.
class RecordingHandler final : public transport::HttpHandler {
 public:
  // What to answer OnData with, given the body so far and the new bytes; kContinue without it.
  using Reader = std::function<transport::DataResult(const std::string& so_far, std::string_view bytes)>;

  RecordingHandler() = default;

  explicit RecordingHandler(Reader reader) : reader_(std::move(reader)) {}

  void OnHead(const transport::HttpHead& head) override;
  transport::DataResult OnData(std::span<const std::byte> bytes) override;
  void OnDone(const absl::Status& status) override;
  void OnSent(uint64_t bytes) override;
  void OnWaiting(const transport::WaitInfo& info) override;

  // False when OnDone has not come within `limit`.
  bool WaitUntilDone(std::chrono::milliseconds limit = std::chrono::seconds(20));

  // False when `holds` of this handler has not become true within `limit`. Asked after every call.
  bool WaitFor(const std::function<bool(const RecordingHandler&)>& holds,
               std::chrono::milliseconds limit = std::chrono::seconds(20));

  bool is_done() const { return done_count() > 0; }

  int done_count() const;
  int head_count() const;
  int pause_count() const;
  absl::Status status() const;  // kUnknown until done
  transport::HttpHead head() const;
  std::string body() const;  // what was accepted
  uint64_t sent() const;     // as it was told last
  std::vector<transport::WaitInfo> waits() const;

  // OnHead or OnData after OnDone, a second OnHead, data without a head: what a transport must never do.
  std::vector<std::string> violations() const;

 private:
  Reader reader_;
  mutable Mutex mutex_;
  CondVar changed_;
  int done_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int head_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int pause_count_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_) = absl::UnknownError("not done");
  transport::HttpHead head_ ABSL_GUARDED_BY(mutex_);
  std::string body_ ABSL_GUARDED_BY(mutex_);
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<transport::WaitInfo> waits_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> violations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta
