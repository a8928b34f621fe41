#include "tests/hubsim/net/request_recorder.h"

#include <utility>

#include "tests/hubsim/net/url.h"

namespace batuta::hubsim {
namespace {

constexpr std::size_t kMaxEntries = 100'000;

}  // namespace

std::string LoggedRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (ToLower(key) == ToLower(name)) return value;
  }
  return {};
}

std::uint64_t RequestRecorder::Begin(LoggedRequest request) {
  const std::scoped_lock lock(mutex_);
  request.number = next_number_++;
  entries_.push_back(std::move(request));
  if (entries_.size() > kMaxEntries) entries_.pop_front();
  changed_.notify_all();
  return entries_.back().number;
}

void RequestRecorder::Update(std::uint64_t number, const Edit& edit) {
  const std::scoped_lock lock(mutex_);
  // Numbers are consecutive, so the entry's place follows from the first one's number.
  if (entries_.empty() || number < entries_.front().number) return;
  const std::uint64_t place = number - entries_.front().number;
  if (place >= entries_.size()) return;
  edit(entries_[place]);
  changed_.notify_all();
}

RequestRecorder::Log RequestRecorder::Snapshot() const {
  const std::scoped_lock lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

void RequestRecorder::Clear() {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
  changed_.notify_all();
}

bool RequestRecorder::WaitFor(const std::function<bool(const Log&)>& is_true,
                              std::chrono::milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(mutex_);
  while (!is_true({entries_.begin(), entries_.end()})) {
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
      return is_true({entries_.begin(), entries_.end()});
    }
  }
  return true;
}

}  // namespace batuta::hubsim
