#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/sync/mutex.h"
#include "common/sync/task_runner.h"
#include "daemon/transport/range_source.h"

namespace batuta::transfer {

// FakeRangeSource serves an object from memory and breaks as its script says. All handlers are called on the
// task runner given, one chunk a task, as a transport does on its thread. After a pause the bytes come again
// in smaller chunks.
class FakeRangeSource final : public transport::RangeSource,
                              public std::enable_shared_from_this<FakeRangeSource> {
 public:
  // How one fetch goes. Counts are of bytes sent by this fetch.
  struct Answer {
    absl::Status refusal;                       // not OK: the fetch ends with it, without a byte
    std::optional<uint64_t> cut_after_bytes;    // then it ends with `cut_status`
    absl::Status cut_status;                    // OK: HUB_UNREACHABLE
    std::optional<uint64_t> stall_after_bytes;  // then silence, until it is cancelled
    std::optional<uint64_t> wrong_byte_at;      // this byte of the object is sent wrong
    bool ignores_range = false;                 // the whole object is sent
    std::optional<transport::WaitInfo> held_back;
    Duration held_for{0};             // with `held_back`
    bool is_silent_about_it = false;  // then the handler is not told
    Duration per_chunk{0};
  };

  // `fetch` counts from 0.
  using Script = std::function<Answer(int fetch, transport::ByteRange range)>;

  static std::shared_ptr<FakeRangeSource> Make(TaskRunner& thread, std::string content, size_t chunk_bytes);

  void SetScript(Script script);

  std::vector<transport::ByteRange> requests() const;
  uint64_t requested_bytes() const;
  uint64_t sent_bytes() const;  // repeats after a pause not counted

  // Fetches whose handler has not had its OnDone, now and at most.
  int open() const;
  int most_open() const;

  // As if the process had died: no handler hears anything any more, and none is kept.
  void Kill();

  transport::CallId Fetch(transport::ByteRange range,
                          std::shared_ptr<transport::RangeHandler> handler) override;
  void Cancel(transport::CallId call) override;
  void Resume(transport::CallId call) override;

 private:
  struct Call {
    std::shared_ptr<transport::RangeHandler> handler;
    Answer answer;
    uint64_t begin = 0;
    uint64_t position = 0;
    uint64_t end = 0;
    size_t chunk_bytes = 0;
    bool is_paused = false;
  };

  FakeRangeSource(TaskRunner& thread, std::string content, size_t chunk_bytes)
      : thread_(thread), content_(std::move(content)), chunk_bytes_(chunk_bytes) {}

  // On the thread:
  void Begin(transport::CallId id, Call call);
  void Start(transport::CallId id);
  void SendOne(transport::CallId id);
  void End(transport::CallId id, const absl::Status& status);
  transport::DataResult Deliver(Call& call, uint64_t end);

  void PostLater(Duration delay, transport::CallId id, void (FakeRangeSource::*step)(transport::CallId));

  TaskRunner& thread_;
  const std::string content_;
  const size_t chunk_bytes_;
  std::map<transport::CallId, Call> calls_;  // used on the thread only

  mutable Mutex mutex_;
  Script script_ ABSL_GUARDED_BY(mutex_);
  std::vector<transport::ByteRange> requests_ ABSL_GUARDED_BY(mutex_);
  transport::CallId next_call_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t sent_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_open_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The Status of a lost connection.
absl::Status Unreachable();

}  // namespace batuta::transfer
