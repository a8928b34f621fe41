#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"

#include "common/sync/worker_pool.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/transfer/bandwidth.h"

namespace batuta::jobs {

// OverallLimit is the bandwidth limit of all jobs together: the one that was set while the daemon ran, which
// outlives it, else the configured one. Core sequence only, after Load().
class OverallLimit {
 public:
  // What the catalog keeps wins over `configured` (bytes per second; 0 = none). `store` and `disk` outlive
  // the object.
  //   Errors of the catalog; kDataLoss (CATALOG_DAMAGED)  what is stored is not a limit.
  static absl::StatusOr<std::unique_ptr<OverallLimit>> Load(uint64_t configured,
                                                            metadata::MetadataStore& store, WorkerPool& disk);

  // For the transfers.
  const std::shared_ptr<transfer::BandwidthLimit>& limit() const { return limit_; }

  uint64_t bytes_per_second() const { return limit_->bytes_per_second(); }

  uint64_t configured() const { return configured_; }

  // The configuration says so now: effective unless one was set.
  void Configure(uint64_t bytes_per_second);

  // At once; nullopt: as configured, now and after the configuration has changed.
  void Set(std::optional<uint64_t> bytes_per_second);

 private:
  OverallLimit(uint64_t configured, std::optional<uint64_t> set, metadata::MetadataStore& store,
               WorkerPool& disk);

  uint64_t configured_;
  std::optional<uint64_t> set_;
  const std::shared_ptr<transfer::BandwidthLimit> limit_;
  metadata::MetadataStore& store_;
  Strand journal_;
};

}  // namespace batuta::jobs
