#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/types/entry.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/pull/look_turns.h"
#include "daemon/pull/precheck.h"
#include "daemon/pull/sparse_bytes.h"
#include "daemon/transport/range_source.h"

namespace batuta::pull {

// FirstLook looks by ranges at the blobs that a run is about to fetch, so that a refusal costs kilobytes and
// no room is made for it. At what another run looks it does not look as well: it waits until that blob is on
// its way, since its transfer is joined then, whose guard has the last word anyway.
//
// Lives on the core sequence. Its turns end when it is dropped, which is for the run to do when its own
// transfers have begun; dropped before it is done, it calls nothing any more.
class FirstLook : public std::enable_shared_from_this<FirstLook> {
 public:
  struct Blob {
    size_t group = 0;  // that the caller knows it by
    Entry entry;       // one of its names
    std::shared_ptr<transport::RangeSource> source;
  };

  // One that was looked at: OK, or why it may not come in; and the bytes that were fetched.
  struct Seen {
    size_t group = 0;
    absl::Status status;
    std::shared_ptr<const SparseBytes> bytes;
  };

  using Done = absl::AnyInvocable<void(std::vector<Seen>)>;

  // `done` runs when all looks, and the others', are over; never from inside this call. `turns`: null where
  // nobody else looks. What is borrowed outlives the object.
  static std::shared_ptr<FirstLook> Start(Sequence& core, WorkerPool& disk, LookTurns* turns,
                                          std::shared_ptr<guard::PullGuard> guard, std::vector<Blob> blobs,
                                          Done done);

 private:
  explicit FirstLook(Done done) : done_(std::move(done)) {}

  void Begin(Sequence& core, WorkerPool& disk, LookTurns* turns, std::shared_ptr<guard::PullGuard> guard,
             std::vector<Blob> blobs);
  void OnLooked(const std::vector<size_t>& groups, std::vector<Precheck::Answer> answers);
  void OnOneOver();

  Done done_;
  std::unique_ptr<Precheck> precheck_;
  std::vector<std::unique_ptr<LookTurns::Turn>> turns_;
  std::vector<Seen> seen_;
  size_t under_way_ = 0;  // looks, ours and others', that are not over
};

}  // namespace batuta::pull
