#include "daemon/transfer/audience.h"

#include <algorithm>
#include <utility>

namespace batuta::transfer {

Member Audience::Take(TransferId id) {
  const auto i = std::ranges::find(members_, id, &Member::id);
  if (i == members_.end()) return {};
  Member member = std::move(*i);
  members_.erase(i);
  return member;
}

std::vector<Member> Audience::TakeAll() {
  return std::exchange(members_, {});
}

std::vector<Member> Audience::TakeImpatient() {
  const auto patient_end = std::stable_partition(members_.begin(), members_.end(),
                                                 [](const Member& member) { return member.may_wait; });
  std::vector<Member> impatient(std::make_move_iterator(patient_end),
                                std::make_move_iterator(members_.end()));
  members_.erase(patient_end, members_.end());
  return impatient;
}

const Member* Audience::FindOrFirst(TransferId id) const {
  const auto i = std::ranges::find(members_, id, &Member::id);
  if (i != members_.end()) return &*i;
  return members_.empty() ? nullptr : &members_.front();
}

const Member* Audience::MostUrgent() const {
  const auto i = std::ranges::min_element(members_, {}, &Member::priority);
  return i == members_.end() ? nullptr : &*i;
}

Priority Audience::priority() const {
  return members_.empty() ? Priority::kBackground : MostUrgent()->priority;
}

void Audience::SetPriority(TransferId id, Priority priority) {
  if (Member* const member = Find(id)) member->priority = priority;
}

std::vector<std::shared_ptr<BandwidthLimit>> Audience::limits() const {
  std::vector<std::shared_ptr<BandwidthLimit>> limits;
  limits.reserve(members_.size());
  for (const Member& member : members_) limits.push_back(member.limit);
  return limits;
}

void Audience::TellProgress(uint64_t done_bytes, uint64_t received_bytes) {
  for (const TransferId id : Ids()) {
    if (Member* const member = Find(id)) TellProgress(*member, done_bytes, received_bytes);
  }
}

void Audience::TellProgress(Member& member, uint64_t done_bytes, uint64_t received_bytes) {
  const uint64_t fresh = received_bytes - member.told_received_bytes;
  if (fresh == 0 && member.told_done_bytes == done_bytes) return;
  member.told_done_bytes = done_bytes;
  member.told_received_bytes = received_bytes;
  const std::shared_ptr<TransferObserver> observer = member.observer;  // the member may leave meanwhile
  observer->OnProgress(done_bytes, fresh);
}

void Audience::TellWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) {
  for (const TransferId id : Ids()) {
    Member* const member = Find(id);
    if (member == nullptr) continue;
    const std::shared_ptr<TransferObserver> observer = member->observer;
    observer->OnWaiting(info, cause, attempt);
  }
}

std::vector<TransferId> Audience::Ids() const {
  std::vector<TransferId> ids;
  ids.reserve(members_.size());
  for (const Member& member : members_) ids.push_back(member.id);
  return ids;
}

Member* Audience::Find(TransferId id) {
  const auto i = std::ranges::find(members_, id, &Member::id);
  return i == members_.end() ? nullptr : &*i;
}

}  // namespace batuta::transfer
