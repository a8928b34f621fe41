#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"

#include "daemon/transfer/transfer.h"

namespace batuta::transfer {

// One who waits for a blob, and what this one lends to get it.
struct Member {
  TransferId id = 0;
  std::shared_ptr<transport::RangeSource> source;
  Priority priority = Priority::kNormal;
  bool may_wait = true;
  Principal principal;
  std::string job;
  std::shared_ptr<BandwidthLimit> limit;  // null = none
  std::shared_ptr<TransferObserver> observer;
  std::shared_ptr<BlobGuard> guard = nullptr;
  bool is_elsewhere = false;  // wants it for another repo than the one it goes to
  uint64_t told_done_bytes = 0;
  uint64_t told_received_bytes = 0;
};

// Audience is everyone who waits for one blob, in the order in which they came. Observers may join and leave
// from inside their callbacks. Core sequence only.
class Audience {
 public:
  void Add(Member member) { members_.push_back(std::move(member)); }

  // Removes one; its observer is null when there is none of that id.
  Member Take(TransferId id);
  std::vector<Member> TakeAll();

  // Those who would rather fail than wait.
  std::vector<Member> TakeImpatient();

  bool empty() const { return members_.empty(); }

  size_t size() const { return members_.size(); }

  // Of the given id, else the first; null when empty. Valid until the next change.
  const Member* FindOrFirst(TransferId id) const;

  // The most urgent of all; the first of those, and on whose behalf the blob is moved; null when empty.
  Priority priority() const;
  const Member* MostUrgent() const;

  void SetPriority(TransferId id, Priority priority);

  // One for each.
  std::vector<std::shared_ptr<BandwidthLimit>> limits() const;

  // Tells those for whom something is new. `received_bytes`: in all, since the transfer was made.
  void TellProgress(uint64_t done_bytes, uint64_t received_bytes);
  static void TellProgress(Member& member, uint64_t done_bytes, uint64_t received_bytes);
  void TellWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt);

 private:
  std::vector<TransferId> Ids() const;
  Member* Find(TransferId id);

  std::vector<Member> members_;
};

}  // namespace batuta::transfer
