#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "daemon/transfer/bandwidth.h"
#include "daemon/transfer/buffer_pool.h"
#include "daemon/transfer/extents.h"
#include "daemon/transport/range_source.h"

namespace batuta::transfer {

// Where the bytes of a blob go. Thread-safe; never blocks.
class SegmentSink {
 public:
  virtual ~SegmentSink() = default;

  // The first `length` bytes of `buffer` belong at `offset` of the blob.
  virtual void Write(uint64_t offset, Buffer buffer, size_t length) = 0;

  // Little or nothing waits to be written: small pieces are welcome. A hint; may be out of date when it
  // arrives.
  virtual bool IsIdle() const = 0;
};

// SegmentReceiver fetches one segment and hands its bytes to the sink in buffers of the pool: full ones while
// the sink is busy, smaller ones while it is idle, so that on a slow line little is lost when the process
// dies. When no buffer is free, or the gate is closed, it pauses the connection until that changes. While it
// runs its end may be moved closer, so that somebody else can fetch the tail.
//
// RangeHandler methods run on the transport's thread, the others on any thread.
class SegmentReceiver final : public transport::RangeHandler,
                              public std::enable_shared_from_this<SegmentReceiver> {
 public:
  // What to do when the server sends the whole object instead of the range.
  enum class WholeObject {
    kGiveUp,  // the connection is dropped: see View::is_range_ignored
    kSkip,    // the bytes before the range are dropped as they come
  };

  // Both run on the transport's thread. `done` runs exactly once, last, when every byte has been handed to
  // the sink.
  struct Events {
    std::function<void(const transport::WaitInfo& info)> waiting;
    std::function<void(const absl::Status& status)> done;
  };

  // A picture of the moment.
  struct View {
    Extent range;                   // its end is where the receiver stops, as it stands now
    uint64_t cursor = 0;            // the bytes of `range` before it are with the sink or on the way to it
    uint64_t received_bytes = 0;    // over the network, useless ones too
    bool has_started = false;       // the answer has begun
    bool is_paused = false;         // waits for a buffer or at the gate
    bool is_range_ignored = false;  // the server sends the whole object
  };

  // Starts to fetch. `buffers` outlives the receiver.
  static std::shared_ptr<SegmentReceiver> Start(Extent range, WholeObject whole_object,
                                                std::shared_ptr<transport::RangeSource> source,
                                                std::shared_ptr<SegmentSink> sink, BufferPool& buffers,
                                                std::shared_ptr<BandwidthGate> gate, Events events);

  // The receiver stops at `end` instead of at its own, later one. False when it has come so far already: then
  // nothing changes.
  bool Shorten(uint64_t end);

  // The next bytes that arrive are handed over at once, though their buffer is not full.
  void Flush() { is_flush_wanted_.store(true, std::memory_order_relaxed); }

  // `done` follows soon, unless it has run.
  void Cancel();

  View Look() const;

  // RangeHandler:
  void OnStart(uint64_t offset) override;
  transport::DataResult OnData(std::span<const std::byte> bytes) override;
  void OnDone(const absl::Status& status) override;
  void OnWaiting(const transport::WaitInfo& info) override;

 private:
  SegmentReceiver(Extent range, WholeObject whole_object, std::shared_ptr<transport::RangeSource> source,
                  std::shared_ptr<SegmentSink> sink, BufferPool& buffers, std::shared_ptr<BandwidthGate> gate,
                  Events events);

  std::span<const std::byte> DropUseless(std::span<const std::byte> bytes);
  uint64_t Allowed();
  bool TakeBuffer();
  size_t Claim(size_t wanted);
  void HandOver();
  void SetPaused(bool is_paused);
  void GoOn();
  bool IsAtEnd() const;

  const Extent asked_;
  const WholeObject whole_object_;
  const std::shared_ptr<transport::RangeSource> source_;
  const std::shared_ptr<SegmentSink> sink_;
  BufferPool& buffers_;
  const std::shared_ptr<BandwidthGate> gate_;
  const Events events_;
  std::atomic<bool> is_flush_wanted_ = false;

  // Used on the transport's thread only.
  BandwidthGate::Grant grant_;
  Buffer buffer_;
  uint64_t buffer_offset_ = 0;
  size_t buffer_used_ = 0;
  uint64_t redelivered_bytes_ = 0;  // taken before a pause; they come again
  uint64_t skipped_bytes_left_ = 0;
  bool is_useless_ = false;  // the answer begins at another byte than was asked for

  mutable Mutex mutex_;
  View view_ ABSL_GUARDED_BY(mutex_);
  transport::CallId call_ ABSL_GUARDED_BY(mutex_) = 0;
  bool has_call_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_resume_wanted_ ABSL_GUARDED_BY(mutex_) = false;  // before the call was known
};

}  // namespace batuta::transfer
