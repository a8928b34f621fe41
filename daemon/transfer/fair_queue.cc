#include "daemon/transfer/fair_queue.h"

#include <algorithm>
#include <utility>

namespace batuta::transfer {
namespace {

// A request costs as much as so many bytes: small files are not free.
constexpr uint64_t kRequestBytes = 64 * 1024;

}  // namespace

template <typename Party>
void ServedBytes<Party>::AddWish(const Party& party) {
  Account& account = accounts_[party];
  // No credit for the time without a wish.
  if (account.wishes++ == 0) account.bytes = std::max(account.bytes, turn_bytes_);
}

template <typename Party>
void ServedBytes<Party>::Serve(const Party& party, uint64_t bytes) {
  Account& account = accounts_.at(party);
  turn_bytes_ = std::max(turn_bytes_, account.bytes);
  account.bytes += bytes;
  std::erase_if(accounts_, [this](const auto& each) {
    return each.second.wishes == 0 && each.second.bytes <= turn_bytes_;
  });
}

void FairQueue::Put(const Item& item) {
  Remove(item.number);
  principals_.AddWish(item.principal);
  jobs_[item.principal].AddWish(item.job);
  lines_[item.priority][item.principal][item.job].insert(item.number);
  items_.emplace(item.number, item);
}

void FairQueue::Remove(uint64_t number) {
  const auto node = items_.extract(number);
  if (node.empty()) return;
  const Item& item = node.mapped();
  principals_.DropWish(item.principal);
  jobs_.at(item.principal).DropWish(item.job);
  const auto of_priority = lines_.find(item.priority);
  const auto of_principal = of_priority->second.find(item.principal);
  const auto line = of_principal->second.find(item.job);
  line->second.erase(number);
  if (line->second.empty()) of_principal->second.erase(line);
  if (of_principal->second.empty()) of_priority->second.erase(of_principal);
  if (of_priority->second.empty()) lines_.erase(of_priority);
}

const FairQueue::Item& FairQueue::Next() const {
  const auto earliest = [](const Lines& lines) {
    return *std::ranges::min_element(lines, {}, [](const auto& line) {
              return *line.second.begin();
            })->second.begin();
  };
  const auto& principals = lines_.begin()->second;
  const auto& [principal, lines] = *std::ranges::min_element(principals, {}, [&](const auto& each) {
    return std::pair(principals_.Of(each.first), earliest(each.second));
  });
  const ServedBytes<std::string>& jobs = jobs_.at(principal);
  const auto line = std::ranges::min_element(
      lines, {}, [&jobs](const auto& each) { return std::pair(jobs.Of(each.first), *each.second.begin()); });
  return items_.at(*line->second.begin());
}

FairQueue::Item FairQueue::TakeNext() {
  Item item = Next();
  const uint64_t cost = item.size_bytes + kRequestBytes;
  principals_.Serve(item.principal, cost);
  jobs_.at(item.principal).Serve(item.job, cost);
  std::erase_if(jobs_, [this](const auto& each) { return !principals_.Knows(each.first); });
  Remove(item.number);
  return item;
}

}  // namespace batuta::transfer
