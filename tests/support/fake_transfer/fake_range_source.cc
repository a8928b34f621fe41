#include "tests/support/fake_transfer/fake_range_source.h"

#include <algorithm>
#include <utility>

#include "common/status/status.h"

namespace batuta::transfer {

using transport::ByteRange;
using transport::CallId;
using transport::DataResult;

absl::Status Unreachable() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "connection lost");
}

std::shared_ptr<FakeRangeSource> FakeRangeSource::Make(TaskRunner& thread, std::string content,
                                                       size_t chunk_bytes) {
  return std::shared_ptr<FakeRangeSource>(new FakeRangeSource(thread, std::move(content), chunk_bytes));
}

void FakeRangeSource::SetScript(Script script) {
  MutexLock lock(mutex_);
  script_ = std::move(script);
}

std::vector<ByteRange> FakeRangeSource::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

uint64_t FakeRangeSource::requested_bytes() const {
  uint64_t sum = 0;
  for (const ByteRange& range : requests()) sum += range.size();
  return sum;
}

uint64_t FakeRangeSource::sent_bytes() const {
  MutexLock lock(mutex_);
  return sent_bytes_;
}

int FakeRangeSource::open() const {
  MutexLock lock(mutex_);
  return open_;
}

int FakeRangeSource::most_open() const {
  MutexLock lock(mutex_);
  return most_open_;
}

void FakeRangeSource::Kill() {
  calls_.clear();
  MutexLock lock(mutex_);
  open_ = 0;
}

CallId FakeRangeSource::Fetch(ByteRange range, std::shared_ptr<transport::RangeHandler> handler) {
  Call call;
  call.handler = std::move(handler);
  CallId id = 0;
  {
    MutexLock lock(mutex_);
    id = next_call_++;
    if (script_) call.answer = script_(static_cast<int>(requests_.size()), range);
    requests_.push_back(range);
    most_open_ = std::max(most_open_, ++open_);
  }
  call.begin = call.answer.ignores_range ? 0 : range.begin;
  call.position = call.begin;
  call.end = call.answer.ignores_range ? content_.size() : std::min<uint64_t>(range.end, content_.size());
  call.chunk_bytes = chunk_bytes_;
  thread_.Post([weak = weak_from_this(), id, call = std::move(call)]() mutable {
    if (const auto self = weak.lock()) self->Begin(id, std::move(call));
  });
  return id;
}

void FakeRangeSource::Cancel(CallId call) {
  thread_.Post([weak = weak_from_this(), call] {
    if (const auto self = weak.lock()) self->End(call, absl::CancelledError("cancelled"));
  });
}

void FakeRangeSource::Resume(CallId call) {
  thread_.Post([weak = weak_from_this(), call] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    const auto i = self->calls_.find(call);
    if (i == self->calls_.end() || !std::exchange(i->second.is_paused, false)) return;
    i->second.chunk_bytes = self->chunk_bytes_ / 2 + 1;
    self->SendOne(call);
  });
}

void FakeRangeSource::PostLater(Duration delay, CallId id, void (FakeRangeSource::*step)(CallId)) {
  Task task = [weak = weak_from_this(), id, step] {
    if (const auto self = weak.lock()) ((*self).*step)(id);
  };
  if (delay > Duration::zero()) {
    thread_.PostAfter(delay, std::move(task));
  } else {
    thread_.Post(std::move(task));
  }
}

void FakeRangeSource::Begin(CallId id, Call call) {
  Call& kept = calls_.emplace(id, std::move(call)).first->second;
  if (!kept.answer.refusal.ok()) {
    End(id, kept.answer.refusal);
    return;
  }
  if (!kept.answer.held_back) {
    Start(id);
    return;
  }
  if (!kept.answer.is_silent_about_it) kept.handler->OnWaiting(*kept.answer.held_back);
  PostLater(kept.answer.held_for, id, &FakeRangeSource::Start);
}

void FakeRangeSource::Start(CallId id) {
  const auto i = calls_.find(id);
  if (i == calls_.end()) return;
  // Silence from the first byte on is silence without an answer.
  if (i->second.answer.stall_after_bytes == 0) return;
  i->second.handler->OnStart(i->second.begin);
  SendOne(id);
}

void FakeRangeSource::SendOne(CallId id) {
  const auto i = calls_.find(id);
  if (i == calls_.end() || i->second.is_paused) return;
  Call& call = i->second;
  uint64_t limit = call.end;
  if (call.answer.stall_after_bytes) limit = std::min(limit, call.begin + *call.answer.stall_after_bytes);
  if (call.answer.cut_after_bytes) limit = std::min(limit, call.begin + *call.answer.cut_after_bytes);
  if (call.position < limit) {
    const DataResult result = Deliver(call, std::min(limit, call.position + call.chunk_bytes));
    if (result == DataResult::kStop) {
      End(id, absl::OkStatus());
    } else if (result == DataResult::kContinue) {
      // After the last byte the end follows at once.
      const Duration pause = call.position == limit ? Duration::zero() : call.answer.per_chunk;
      PostLater(pause, id, &FakeRangeSource::SendOne);
    }
    return;
  }
  if (call.answer.stall_after_bytes && limit == call.begin + *call.answer.stall_after_bytes &&
      limit < call.end)
    return;
  if (limit == call.end) {
    End(id, absl::OkStatus());
  } else {
    End(id, call.answer.cut_status.ok() ? Unreachable() : call.answer.cut_status);
  }
}

DataResult FakeRangeSource::Deliver(Call& call, uint64_t end) {
  std::string bytes = content_.substr(call.position, end - call.position);
  const std::optional<uint64_t> wrong = call.answer.wrong_byte_at;
  if (wrong && *wrong >= call.position && *wrong < end) bytes[*wrong - call.position] ^= 0x20;
  const DataResult result = call.handler->OnData(std::as_bytes(std::span(bytes)));
  if (result == DataResult::kPause) {
    call.is_paused = true;
    return result;
  }
  call.position = end;
  MutexLock lock(mutex_);
  sent_bytes_ += bytes.size();
  return result;
}

void FakeRangeSource::End(CallId id, const absl::Status& status) {
  const auto node = calls_.extract(id);
  if (node.empty()) return;
  {
    MutexLock lock(mutex_);
    --open_;
  }
  node.mapped().handler->OnDone(status);
}

}  // namespace batuta::transfer
