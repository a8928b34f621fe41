#include "daemon/pull/sparse_bytes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace batuta::pull {

absl::Status SparseBytes::Read(uint64_t offset, std::span<char> out) {
  if (out.empty()) return absl::OkStatus();
  const uint64_t end = offset + out.size();
  auto run = runs_.upper_bound(offset);
  uint64_t here_until = offset;
  if (run != runs_.begin()) {
    run = std::prev(run);
    here_until = std::max(offset, run->first + run->second.size());
  }
  if (here_until < end) {
    missing_ = {here_until, end};
    return absl::OutOfRangeError("not here");
  }
  run->second.copy(out.data(), out.size(), offset - run->first);
  return absl::OkStatus();
}

void SparseBytes::Add(uint64_t offset, std::string bytes) {
  held_bytes_ += bytes.size();
  // Joined with the run that it continues: what was asked for begins where a run ends.
  auto next = runs_.upper_bound(offset);
  if (next != runs_.begin()) {
    const auto before = std::prev(next);
    const uint64_t end = before->first + before->second.size();
    if (end >= offset) {
      const uint64_t known = std::min<uint64_t>(end - offset, bytes.size());
      before->second.append(bytes, known);
      offset = before->first;
      bytes = std::move(before->second);
      next = runs_.erase(before);
    }
  }
  while (next != runs_.end() && next->first <= offset + bytes.size()) {
    const uint64_t known = std::min<uint64_t>(offset + bytes.size() - next->first, next->second.size());
    bytes.append(next->second, known);
    next = runs_.erase(next);
  }
  runs_.emplace(offset, std::move(bytes));
}

}  // namespace batuta::pull
