#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "common/machine/machine.h"
#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/fit/choice.h"
#include "daemon/hub/hub_client.h"
#include "daemon/pull/header_reading.h"
#include "daemon/pull/header_store.h"
#include "daemon/pull/model_variants.h"
#include "daemon/pull/pull_request.h"

namespace batuta::pull {

// Which variant of a model fits?
struct FitQuestion {
  RepoId repo;
  std::shared_ptr<const Tree> tree;
  SelectionRequest selection;  // see FindVariants()
  FitWish wish;
  bool offline = false;  // asks nobody: what is remembered has to do

  // It is going to be pulled: what the disk has no room for is passed over, and offline what is not cached.
  // Else these are only noted.
  bool is_pull = false;
};

// The answer. That nothing fits is one, too.
struct FitReport {
  CommitId commit;
  Machine machine;                     // that it was made for
  std::vector<ModelVariant> variants;  // as `choice` numbers them
  fit::Choice choice;
  std::vector<std::string> notes;        // beside those of `choice`; sentences for a person
  std::vector<std::string> suggestions;  // repos with smaller variants of the same model, the best first

  // What it cost beyond the tree, each hop of a redirect for itself.
  uint32_t requests = 0;
  uint64_t read_bytes = 0;

  // Of a pull offline: nothing is, so nothing could be chosen.
  bool nothing_is_cached = false;
};

// What a pull says when nothing fits: kFailedPrecondition (NO_VARIANT_FITS) with the smallest need, and what
// there is. Pure.
absl::Status NothingFits(const RepoId& repo, const FitReport& report);

struct FitterContext {
  hub::HubClient& hub;
  cache::Cache& cache;
  Sequence& core;
  WorkerPool& disk;
  HeaderStore& headers;
  const Clock& clock;

  // This machine, as the daemon sees it. Disk pool; may be null: then a wish without a machine is refused.
  std::function<absl::StatusOr<Machine>()> detect = nullptr;

  // So many bytes the cache could have for a pull, at most; nothing when that is not known. Disk pool; may be
  // null.
  std::function<std::optional<uint64_t>()> room = nullptr;

  // Which files of the cache are known to be right: only those are read instead of what the hub has. May be
  // null.
  cache::VerifiedFiles* verified = nullptr;

  HeaderReading::Limits limits = {};
};

// Fitter finds out which variant of a model fits a machine: from names and sizes, from headers that are
// remembered, and from as few bytes of the files as the choice depends on.
//
// Lives on the core sequence; disk work and the arithmetic run on the disk pool.
class Fitter {
 public:
  // Everything borrowed outlives the fitter.
  explicit Fitter(FitterContext context);
  ~Fitter();

  // `done` runs on the core sequence, exactly once. Errors: those of FindVariants(), of reading files of the
  // hub, and of detecting the machine.
  void Fit(FitQuestion question, const hub::Access& access, hub::Callback<FitReport> done);

 private:
  struct Shared;
  const std::unique_ptr<Shared> shared_;  // the flows refer to it: the fitter outlives every callback
};

}  // namespace batuta::pull
