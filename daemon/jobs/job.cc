#include "daemon/jobs/job.h"

namespace batuta::jobs {

const RepoId& JobRecord::repo() const {
  return std::visit([](const auto& one) -> const RepoId& { return one.repo; }, request);
}

const Revision& JobRecord::revision() const {
  return is_push() ? push().branch : pull().revision;
}

Priority JobRecord::priority() const {
  return std::visit([](const auto& one) { return one.priority; }, request);
}

void JobRecord::set_priority(Priority priority) {
  std::visit([priority](auto& one) { one.priority = priority; }, request);
}

uint64_t JobRecord::limit_bytes_per_second() const {
  return std::visit([](const auto& one) { return one.limit_bytes_per_second; }, request);
}

void JobRecord::set_limit_bytes_per_second(uint64_t limit) {
  std::visit([limit](auto& one) { one.limit_bytes_per_second = limit; }, request);
}

bool JobRecord::may_wait() const {
  return std::visit([](const auto& one) { return one.may_wait; }, request);
}

}  // namespace batuta::jobs
