#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "daemon/cache/cache.h"
#include "daemon/inventory/inventory.h"
#include "daemon/verify/finding.h"

namespace batuta::verify {

// What verifications work with. Everything outlives them.
struct VerifyContext {
  cache::Cache& cache;
  inventory::Inventory& inventory;
  cache::VerifiedFiles& verified;
  cache::KnownPieces& pieces;
  Sequence& core;
  WorkerPool& disk;
  const Clock& clock;
};

struct VerifyRequest {
  std::vector<RepoId> repos = {};       // only these; empty = all
  std::optional<CommitId> commit = {};  // only this one of them
  std::optional<WallTime> since = {};   // what was found right at this time or later is passed over
  uint64_t bytes_per_second = 0;        // of reading; 0 = as fast as the disk
};

struct Progress {
  uint64_t checked_files = 0;  // each file of the disk once
  uint64_t checked_bytes = 0;
  uint64_t total_files = 0;  // to be checked in all, as far as is known
  uint64_t total_bytes = 0;
  uint64_t unchecked_files = 0;
};

struct News {
  Progress progress;
  std::vector<Finding> findings;  // since the last time
  bool has_ended = false;         // and there are no more findings
  absl::Status status;            // of its end: OK however much is wrong
};

// Verification goes over the files of the cache, repo by repo, reads each file of the disk once, and compares
// it with its name, which is a hash, and with the listing of its commit. What is damaged it takes out of the
// view at once (cache::Quarantine).
//
// It reads a MiB at a time in turn with the other work of the disk pool, past the page cache, at a bounded
// rate, and holds up nobody: what vanishes or changes while it is read is no finding. What was found right is
// recorded as it goes (cache::VerifiedFiles), so that a run which was interrupted can be gone on with by
// `since`. Memory: what one repo lists, and the findings nobody has taken; above a thousand it waits.
//
// Thread-safe; nothing here blocks.
class Verification {
 public:
  virtual ~Verification() = default;  // cancels

  // `on_news` is called on a thread of the disk pool when there is something to take: on findings, about once
  // a second, and at the end; it must not block.
  static std::unique_ptr<Verification> Start(const VerifyContext& context, VerifyRequest request,
                                             std::function<void()> on_news);

  virtual News Take(size_t max_findings) = 0;

  // Once it has ended: what to pull for the findings that a pull can mend.
  virtual std::vector<Repair> Repairs() const = 0;

  // Soon nothing is read any more, and there is no more news. Idempotent.
  virtual void Cancel() = 0;
};

}  // namespace batuta::verify
