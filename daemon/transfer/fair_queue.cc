#include "daemon/transfer/fair_queue.h"

#include <algorithm>
#include <tuple>

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
  users_.AddWish(item.principal.uid);
  principals_.AddWish(item.principal);
  jobs_[item.principal].AddWish(item.job);
  lines_[item.priority][item.principal][item.job].insert(item.number);
  items_.emplace(item.number, item);
}

void FairQueue::Remove(uint64_t number) {
  const auto node = items_.extract(number);
  if (node.empty()) return;
  const Item& item = node.mapped();
  users_.DropWish(item.principal.uid);
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

std::optional<FairQueue::Item> FairQueue::TakeNext(MayGo may_go) {
  if (lines_.empty()) return std::nullopt;
  const Item* next = nullptr;
  std::tuple<uint64_t, uint64_t, uint64_t, uint64_t, uint64_t> best;
  for (const auto& [principal, lines] : lines_.begin()->second) {
    const uint64_t of_user = users_.Of(principal.uid);
    const uint64_t served = principals_.Of(principal);
    uint64_t earliest = UINT64_MAX;
    for (const auto& [job, numbers] : lines) earliest = std::min(earliest, *numbers.begin());
    for (const auto& [job, numbers] : lines) {
      const uint64_t first = *numbers.begin();
      const std::tuple rank(of_user, served, earliest, jobs_.at(principal).Of(job), first);
      if (next != nullptr && rank >= best) continue;
      const Item& item = items_.at(first);
      if (!may_go(item)) continue;
      next = &item;
      best = rank;
    }
  }
  if (next == nullptr) return std::nullopt;

  const Item item = *next;
  const uint64_t cost = item.size_bytes + kRequestBytes;
  users_.Serve(item.principal.uid, cost);
  principals_.Serve(item.principal, cost);
  jobs_.at(item.principal).Serve(item.job, cost);
  std::erase_if(jobs_, [this](const auto& each) { return !principals_.Knows(each.first); });
  Remove(item.number);
  return item;
}

}  // namespace batuta::transfer
