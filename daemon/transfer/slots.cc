#include "daemon/transfer/slots.h"

#include <algorithm>

namespace batuta::transfer {

void Slots::Add(Priority priority, const Principal& principal, const std::string& job) {
  ++in_flight_;
  for (size_t less = static_cast<size_t>(priority); less < as_urgent_.size(); ++less) {
    ++as_urgent_[less].count;
    ++as_urgent_[less].of_job[{principal, job}];
  }
}

bool Slots::HasOneFor(const FairQueue::Item& item) const {
  if (in_flight_ < limit_) return true;
  if (in_flight_ >= 2 * limit_) return false;
  const AsUrgent& others = as_urgent_[static_cast<size_t>(item.priority)];
  if (others.count < limit_) return true;
  const auto own = others.of_job.find({item.principal, item.job});
  if (own == others.of_job.end()) return true;
  return own->second < limit_ / others.of_job.size();
}

}  // namespace batuta::transfer
