#include "common/log/recent_events.h"

#include <utility>

#include "common/text/utf8.h"

namespace batuta {

void RecentEvents::Add(LogEvent event) {
  if (event.fields.size() > kMostFieldBytes) {
    event.fields.resize(ValidUtf8Bytes(std::string_view(event.fields).substr(0, kMostFieldBytes)));
    event.fields += "…";
  }
  const MutexLock lock(mutex_);
  counts_.resize(static_cast<size_t>(LogLevel::kOff));
  if (const auto level = static_cast<size_t>(event.level); level < counts_.size()) ++counts_[level];
  events_.push_front(std::move(event));
  if (events_.size() > most_) events_.pop_back();
}

std::vector<LogEvent> RecentEvents::Newest() const {
  const MutexLock lock(mutex_);
  return {events_.begin(), events_.end()};
}

uint64_t RecentEvents::Count(LogLevel level) const {
  const MutexLock lock(mutex_);
  const auto index = static_cast<size_t>(level);
  return index < counts_.size() ? counts_[index] : 0;
}

}  // namespace batuta
