#include "daemon/jobs/change_log.h"

#include <algorithm>

namespace batuta::jobs {

void ChangeLog::Clear() {
  changes_.clear();
  latest_.clear();
}

void ChangeLog::Touch(uint32_t file) {
  if (latest_.size() <= file) latest_.resize(file + size_t{1});
  latest_[file] = ++sequence_;
  changes_.push_back({sequence_, file});
  constexpr size_t kFew = 1'000;
  if (changes_.size() <= 2 * latest_.size() + kFew) return;
  std::erase_if(changes_, [this](const Change& change) { return latest_[change.file] != change.sequence; });
}

ChangeLog::Since ChangeLog::After(uint64_t sequence, size_t max_files) const {
  if (sequence > sequence_) sequence = 0;  // of an earlier daemon whose clock was ahead
  Since since{.files = {}, .sequence = sequence_};
  uint64_t last = sequence;
  for (auto i = std::ranges::upper_bound(changes_, sequence, {}, &Change::sequence); i != changes_.end();
       ++i) {
    if (latest_[i->file] != i->sequence) continue;
    if (since.files.size() == max_files) {
      since.more = max_files > 0;
      if (since.more) since.sequence = last;
      break;
    }
    since.files.push_back(i->file);
    last = i->sequence;
  }
  return since;
}

}  // namespace batuta::jobs
