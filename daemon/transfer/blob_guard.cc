#include "daemon/transfer/blob_guard.h"

#include <utility>

namespace batuta::transfer {

void GuardPanel::Add(uint64_t who, std::shared_ptr<BlobGuard> guard) {
  MutexLock lock(mutex_);
  seats_.insert_or_assign(who, Seat{std::move(guard), absl::OkStatus()});
}

void GuardPanel::Remove(uint64_t who) {
  MutexLock lock(mutex_);
  seats_.erase(who);
}

absl::Status GuardPanel::Check(safety::ByteSource& bytes, Arrived arrived) {
  // Who comes and goes meanwhile does not wait for a look at the bytes.
  std::vector<std::pair<uint64_t, std::shared_ptr<BlobGuard>>> asked;
  bool is_welcome = false;
  absl::Status first;
  {
    MutexLock lock(mutex_);
    for (const auto& [who, seat] : seats_) {
      if (!seat.answer.ok()) {
        if (first.ok()) first = seat.answer;
      } else if (seat.guard == nullptr) {
        is_welcome = true;
      } else {
        asked.emplace_back(who, seat.guard);
      }
    }
  }
  for (const auto& [who, guard] : asked) {
    absl::Status answer = guard->Check(bytes, arrived);
    is_welcome |= answer.ok();
    if (first.ok()) first = answer;
    MutexLock lock(mutex_);
    if (const auto seat = seats_.find(who); seat != seats_.end()) seat->second.answer = std::move(answer);
  }
  return is_welcome ? absl::OkStatus() : first;
}

absl::Status GuardPanel::AnswerOf(uint64_t who) const {
  MutexLock lock(mutex_);
  const auto seat = seats_.find(who);
  return seat == seats_.end() ? absl::OkStatus() : seat->second.answer;
}

}  // namespace batuta::transfer
