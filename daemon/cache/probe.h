#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "common/io/file_system.h"
#include "common/sync/mutex.h"
#include "daemon/cache/cache.h"

namespace batuta::cache {

// Probe finds out by trying what a file system can do. It tries in a temp folder below `.locks/`, where no
// scanner looks, and removes it again. On a full disk nothing can be tried: the usual abilities are assumed,
// so that what is cached stays usable, and found out before the first write. Thread-safe.
class Probe {
 public:
  // `locks`: the folder `.locks`. `instance`: 8 hex characters.
  Probe(FileSystem& files, std::filesystem::path locks, std::string_view instance);

  // Tries, unless that has been done.
  //   kResourceExhausted (DISK_FULL)  it cannot be tried now.
  absl::Status EnsureKnown();

  const Abilities& abilities() const { return is_known_.load(std::memory_order_acquire) ? known_ : assumed_; }

  // Removes what an earlier run was interrupted in. Before the first EnsureKnown().
  absl::Status RemoveLeftovers();

 private:
  absl::StatusOr<Abilities> TryIn(const std::filesystem::path& folder);

  FileSystem& files_;
  const std::filesystem::path locks_;
  const std::string prefix_;
  const Abilities assumed_;
  std::atomic<uint64_t> next_ = 0;
  std::atomic<bool> is_known_ = false;
  Mutex mutex_;
  Abilities known_;  // written once, before is_known_
};

}  // namespace batuta::cache
