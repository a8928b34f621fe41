#include "daemon/transfer/segment_receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace batuta::transfer {

using transport::DataResult;

namespace {

// What an idle sink is given without waiting for a full buffer.
constexpr size_t kSmallPieceBytes = 16 * 1024;

}  // namespace

std::shared_ptr<SegmentReceiver> SegmentReceiver::Start(Extent range, WholeObject whole_object,
                                                        std::shared_ptr<transport::RangeSource> source,
                                                        std::shared_ptr<SegmentSink> sink,
                                                        BufferPool& buffers,
                                                        std::shared_ptr<BandwidthGate> gate, Events events) {
  std::shared_ptr<SegmentReceiver> receiver(new SegmentReceiver(
      range, whole_object, std::move(source), std::move(sink), buffers, std::move(gate), std::move(events)));
  const transport::CallId call = receiver->source_->Fetch({range.begin, range.end}, receiver);
  bool resumes = false;
  {
    MutexLock lock(receiver->mutex_);
    receiver->call_ = call;
    receiver->has_call_ = true;
    resumes = std::exchange(receiver->is_resume_wanted_, false);
  }
  if (resumes) receiver->source_->Resume(call);
  return receiver;
}

SegmentReceiver::SegmentReceiver(Extent range, WholeObject whole_object,
                                 std::shared_ptr<transport::RangeSource> source,
                                 std::shared_ptr<SegmentSink> sink, BufferPool& buffers,
                                 std::shared_ptr<BandwidthGate> gate, Events events)
    : asked_(range),
      whole_object_(whole_object),
      source_(std::move(source)),
      sink_(std::move(sink)),
      buffers_(buffers),
      gate_(std::move(gate)),
      events_(std::move(events)) {
  MutexLock lock(mutex_);
  view_.range = range;
  view_.cursor = range.begin;
}

bool SegmentReceiver::Shorten(uint64_t end) {
  MutexLock lock(mutex_);
  if (end <= view_.cursor || end >= view_.range.end) return false;
  view_.range.end = end;
  return true;
}

void SegmentReceiver::Cancel() {
  transport::CallId call = 0;
  {
    MutexLock lock(mutex_);
    call = call_;
  }
  source_->Cancel(call);
}

SegmentReceiver::View SegmentReceiver::Look() const {
  MutexLock lock(mutex_);
  return view_;
}

void SegmentReceiver::OnStart(uint64_t offset) {
  MutexLock lock(mutex_);
  view_.has_started = true;
  view_.is_range_ignored = offset < asked_.begin;
  if (view_.is_range_ignored && whole_object_ == WholeObject::kSkip) {
    skipped_bytes_left_ = asked_.begin - offset;
  } else {
    is_useless_ = offset != asked_.begin;
  }
}

DataResult SegmentReceiver::OnData(std::span<const std::byte> bytes) {
  if (is_useless_) return DataResult::kStop;
  const size_t delivered = bytes.size();
  bytes = DropUseless(bytes);
  while (!bytes.empty()) {
    if (IsAtEnd()) break;
    const uint64_t allowed = Allowed();
    if (allowed == 0 || (!buffer_ && !TakeBuffer())) {
      redelivered_bytes_ = delivered - bytes.size();
      return DataResult::kPause;
    }
    const size_t room = std::min(bytes.size(), buffer_.memory().size() - buffer_used_);
    const size_t length = Claim(static_cast<size_t>(std::min<uint64_t>(room, allowed)));
    BandwidthGate::Use(grant_, length);
    std::memcpy(buffer_.memory().data() + buffer_used_, bytes.data(), length);
    buffer_used_ += length;
    bytes = bytes.subspan(length);
    if (buffer_used_ == buffer_.memory().size()) HandOver();
  }
  const bool is_at_end = IsAtEnd();
  const bool is_welcome = buffer_used_ >= kSmallPieceBytes && sink_->IsIdle();
  if (is_at_end || is_welcome || is_flush_wanted_.exchange(false, std::memory_order_relaxed)) HandOver();
  // An answer that ends by itself leaves its connection fit for the next request.
  const bool ends_by_itself = bytes.empty() && Look().range.end == asked_.end;
  return is_at_end && !ends_by_itself ? DataResult::kStop : DataResult::kContinue;
}

void SegmentReceiver::OnDone(const absl::Status& status) {
  HandOver();
  events_.done(status);
}

void SegmentReceiver::OnWaiting(const transport::WaitInfo& info) {
  events_.waiting(info);
}

std::span<const std::byte> SegmentReceiver::DropUseless(std::span<const std::byte> bytes) {
  const auto again = static_cast<size_t>(std::min<uint64_t>(redelivered_bytes_, bytes.size()));
  redelivered_bytes_ -= again;
  bytes = bytes.subspan(again);
  const auto skipped = static_cast<size_t>(std::min<uint64_t>(skipped_bytes_left_, bytes.size()));
  if (skipped == 0) return bytes;
  skipped_bytes_left_ -= skipped;
  MutexLock lock(mutex_);
  view_.received_bytes += skipped;
  return bytes.subspan(skipped);
}

// 0: the connection is to be paused, and goes on when the gate may be open.
uint64_t SegmentReceiver::Allowed() {
  const View view = Look();
  const uint64_t allowed = gate_->Allow(grant_, view.range.end - view.cursor);
  if (allowed > 0) return allowed;
  if (is_flush_wanted_.exchange(false, std::memory_order_relaxed)) HandOver();
  SetPaused(true);
  gate_->CallWhenOpen(grant_, [weak = weak_from_this()] {
    if (const std::shared_ptr<SegmentReceiver> self = weak.lock()) self->GoOn();
  });
  return 0;
}

bool SegmentReceiver::TakeBuffer() {
  SetPaused(
      true);  // before the attempt: a buffer may come free, and GoOn() run, before TryTake() has returned
  buffer_ = buffers_.TryTake([weak = weak_from_this()] {
    if (const std::shared_ptr<SegmentReceiver> self = weak.lock()) self->GoOn();
  });
  if (!buffer_) return false;
  MutexLock lock(mutex_);
  view_.is_paused = false;
  buffer_offset_ = view_.cursor;
  buffer_used_ = 0;
  return true;
}

size_t SegmentReceiver::Claim(size_t wanted) {
  MutexLock lock(mutex_);
  const uint64_t room = view_.range.end - view_.cursor;
  const auto length = static_cast<size_t>(std::min<uint64_t>(wanted, room));
  view_.cursor += length;
  view_.received_bytes += length;
  return length;
}

void SegmentReceiver::HandOver() {
  if (!buffer_) return;
  const size_t length = std::exchange(buffer_used_, 0);
  Buffer full = std::move(buffer_);
  if (length > 0) sink_->Write(buffer_offset_, std::move(full), length);
}

void SegmentReceiver::SetPaused(bool is_paused) {
  MutexLock lock(mutex_);
  view_.is_paused = is_paused;
}

void SegmentReceiver::GoOn() {
  transport::CallId call = 0;
  {
    MutexLock lock(mutex_);
    view_.is_paused = false;
    if (!has_call_) {
      is_resume_wanted_ = true;
      return;
    }
    call = call_;
  }
  source_->Resume(call);
}

bool SegmentReceiver::IsAtEnd() const {
  MutexLock lock(mutex_);
  return view_.cursor == view_.range.end;
}

}  // namespace batuta::transfer
