#include "daemon/transfer/fair_queue.h"

#include <algorithm>
#include <tuple>

namespace batuta::transfer {
namespace {

// A request costs as much as so many bytes: small files are not free.
constexpr uint64_t kRequestBytes = 64 * 1024;

}  // namespace

bool FairQueue::HasItems(const Principal& principal) const {
  return std::ranges::any_of(lines_,
                             [&principal](const auto& line) { return line.first.second == principal; });
}

void FairQueue::Put(const Item& item) {
  Remove(item.number);
  uint64_t& served = served_bytes_[item.principal];
  // No credit for the time without a wish.
  if (!HasItems(item.principal)) served = std::max(served, turn_bytes_);
  lines_[{item.priority, item.principal}].insert(item.number);
  items_.emplace(item.number, item);
}

void FairQueue::Remove(uint64_t number) {
  const auto node = items_.extract(number);
  if (node.empty()) return;
  const Item& item = node.mapped();
  const auto line = lines_.find({item.priority, item.principal});
  line->second.erase(number);
  if (line->second.empty()) lines_.erase(line);
}

void FairQueue::Clear() {
  items_.clear();
  lines_.clear();
  served_bytes_.clear();
  turn_bytes_ = 0;
}

const FairQueue::Item& FairQueue::Next() const {
  const auto rank = [this](const auto& line) {
    return std::tuple(line.first.first, served_bytes_.at(line.first.second), *line.second.begin());
  };
  const auto best = std::ranges::min_element(lines_, {}, rank);
  return items_.at(*best->second.begin());
}

FairQueue::Item FairQueue::TakeNext() {
  Item item = Next();
  uint64_t& served = served_bytes_.at(item.principal);
  turn_bytes_ = std::max(turn_bytes_, served);
  served += item.size_bytes + kRequestBytes;
  std::erase_if(served_bytes_,
                [this](const auto& each) { return each.second <= turn_bytes_ && !HasItems(each.first); });
  Remove(item.number);
  return item;
}

}  // namespace batuta::transfer
