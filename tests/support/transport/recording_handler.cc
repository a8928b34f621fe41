#include "tests/support/transport/recording_handler.h"

#include <string_view>

namespace batuta {

using transport::DataResult;
using transport::HttpHead;
using transport::WaitInfo;

void RecordingHandler::OnHead(const HttpHead& head) {
  MutexLock lock(mutex_);
  if (head_count_ > 0) violations_.emplace_back("a second OnHead");
  if (done_count_ > 0) violations_.emplace_back("OnHead after OnDone");
  ++head_count_;
  head_ = head;
  changed_.NotifyAll();
}

DataResult RecordingHandler::OnData(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string so_far;
  if (reader_) so_far = body();
  const DataResult result = reader_ ? reader_(so_far, text) : DataResult::kContinue;
  MutexLock lock(mutex_);
  if (head_count_ == 0) violations_.emplace_back("OnData before OnHead");
  if (done_count_ > 0) violations_.emplace_back("OnData after OnDone");
  if (text.empty()) violations_.emplace_back("OnData without data");
  if (result == DataResult::kPause) {
    ++pause_count_;
  } else {
    body_ += text;
  }
  changed_.NotifyAll();
  return result;
}

void RecordingHandler::OnDone(const absl::Status& status) {
  MutexLock lock(mutex_);
  ++done_count_;
  if (done_count_ > 1) violations_.emplace_back("a second OnDone");
  status_ = status;
  changed_.NotifyAll();
}

void RecordingHandler::OnSent(uint64_t bytes) {
  MutexLock lock(mutex_);
  if (done_count_ > 0) violations_.emplace_back("OnSent after OnDone");
  sent_ = bytes;
  changed_.NotifyAll();
}

void RecordingHandler::OnWaiting(const WaitInfo& info) {
  MutexLock lock(mutex_);
  if (head_count_ > 0) violations_.emplace_back("OnWaiting after OnHead");
  if (done_count_ > 0) violations_.emplace_back("OnWaiting after OnDone");
  waits_.push_back(info);
  changed_.NotifyAll();
}

bool RecordingHandler::WaitUntilDone(std::chrono::milliseconds limit) {
  return WaitFor([](const RecordingHandler& self) { return self.is_done(); }, limit);
}

bool RecordingHandler::WaitFor(const std::function<bool(const RecordingHandler&)>& holds,
                               std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds(*this)) {
    MutexLock lock(mutex_);
    // A change between the question and the wait is caught by the next round, a moment later.
    const auto round = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    changed_.WaitUntil(mutex_, round);
    if (std::chrono::steady_clock::now() >= deadline) break;
  }
  return holds(*this);
}

int RecordingHandler::done_count() const {
  MutexLock lock(mutex_);
  return done_count_;
}

int RecordingHandler::head_count() const {
  MutexLock lock(mutex_);
  return head_count_;
}

int RecordingHandler::pause_count() const {
  MutexLock lock(mutex_);
  return pause_count_;
}

absl::Status RecordingHandler::status() const {
  MutexLock lock(mutex_);
  return status_;
}

HttpHead RecordingHandler::head() const {
  MutexLock lock(mutex_);
  return head_;
}

std::string RecordingHandler::body() const {
  MutexLock lock(mutex_);
  return body_;
}

uint64_t RecordingHandler::sent() const {
  MutexLock lock(mutex_);
  return sent_;
}

std::vector<WaitInfo> RecordingHandler::waits() const {
  MutexLock lock(mutex_);
  return waits_;
}

std::vector<std::string> RecordingHandler::violations() const {
  MutexLock lock(mutex_);
  return violations_;
}

}  // namespace batuta
