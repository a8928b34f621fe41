#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "common/sync/mutex.h"
#include "common/sync/worker_pool.h"
#include "common/types/check.h"
#include "daemon/doctor/facts.h"
#include "daemon/doctor/network_probe.h"

namespace batuta::doctor {

// What the daemon depends on.
struct Subject {
  uint32_t uid = 0;
  bool is_system = false;
  std::filesystem::path state_dir;
  std::filesystem::path cache_dir;
  uint64_t cache_quota_bytes = 0;
  uint64_t cache_min_free_bytes = 0;
  std::function<std::optional<uint64_t>()> cache_used_bytes = {};  // blocks; empty: not known
  NetworkSubject network;
};

// Looks at all of it. Blocks for half a minute at most.
Facts LookAt(const Subject& subject, transport::HttpTransport& http, const Clock& clock,
             bool without_network);

// Diagnosis looks at it on a thread of its own, once for all who wait for it. Thread-safe.
class Diagnosis {
 public:
  using Done = absl::AnyInvocable<void(std::vector<Check>)>;

  // Everything borrowed outlives it.
  Diagnosis(Subject subject, transport::HttpTransport& http, const Clock& clock);

  // Lets a look that is under way end.
  ~Diagnosis();

  // `done` is called on that thread, or never when this ends first.
  void Run(bool without_network, Done done);

 private:
  void Look(bool without_network);

  const Subject subject_;
  transport::HttpTransport& http_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<bool, std::vector<Done>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<WorkerPool> thread_;  // last: its task uses all the rest
};

}  // namespace batuta::doctor
