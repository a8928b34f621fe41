#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/types/entry.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/pull/sparse_bytes.h"
#include "daemon/transport/range_source.h"

namespace batuta::pull {

// A blob that is about to be fetched, under one of its names.
struct PrecheckedFile {
  Entry entry;
  std::shared_ptr<transport::RangeSource> source;
};

// Is it worth a look before it is fetched? Weights of some size, which are refused by what stands at their
// beginning or their end. Pure.
bool IsWorthAPrecheck(const Entry& entry);

// Precheck looks at files by ranges before they are fetched, so that a refusal costs kilobytes: the
// beginning, and then what the inspection asks for (the directory of a zip, its pickles), within bounds. It
// only ever refuses: what it cannot get or finish is left to the inspection of the whole, and so is what
// looks damaged only once.
//
// Lives on the core sequence; the guard is asked on the disk pool. Dropping it ends it, and nothing is called
// any more.
class Precheck {
 public:
  // What came of one file: OK, or what the guard said; and the bytes that were fetched.
  struct Answer {
    absl::Status status;
    std::shared_ptr<const SparseBytes> bytes;
  };

  // One answer for each file, in order.
  using Done = absl::AnyInvocable<void(std::vector<Answer>)>;

  virtual ~Precheck() = default;

  // `done` runs on the core sequence, never from inside this call. What is borrowed outlives the object.
  static std::unique_ptr<Precheck> Start(Sequence& core, WorkerPool& disk,
                                         std::shared_ptr<guard::PullGuard> guard,
                                         std::vector<PrecheckedFile> files, Done done);
};

}  // namespace batuta::pull
