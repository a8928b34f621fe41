#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "common/sync/sequence.h"
#include "common/types/blob_id.h"

namespace batuta::pull {

// LookTurns lets one run at a time look at a blob before it is fetched; the others wait until it is on its
// way, and then join the transfer. Lives on the core sequence, and outlives the turns that it gives.
class LookTurns {
 public:
  // Ends when it is dropped; whoever waits is told then.
  class Turn {
   public:
    Turn(LookTurns& turns, BlobId blob) : turns_(turns), blob_(std::move(blob)) {}

    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    LookTurns& turns_;
    const BlobId blob_;
  };

  explicit LookTurns(Sequence& core) : core_(core) {}

  bool IsTaken(const BlobId& blob) const { return waiting_.contains(blob); }

  // While it is not taken.
  std::unique_ptr<Turn> Take(const BlobId& blob);

  // While it is taken: `go_on` is posted when the turn is over.
  void Wait(const BlobId& blob, absl::AnyInvocable<void()> go_on) {
    waiting_[blob].push_back(std::move(go_on));
  }

 private:
  Sequence& core_;
  std::map<BlobId, std::vector<absl::AnyInvocable<void()>>> waiting_;
};

}  // namespace batuta::pull
