#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/sync/mutex.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"

namespace batuta::inventory {

// What is kept for ever, and why.
struct Pin {
  RepoId repo;
  std::optional<CommitId> commit;      // nothing = every commit of the repo, also those to come
  std::string since = {};              // RFC 3339
  std::string reason = {};             // one line; may be empty
  std::optional<uint32_t> owner = {};  // uid of who pinned it, where users share the cache

  friend bool operator==(const Pin&, const Pin&) = default;
};

// Pins are the lines of one file that people may read and edit while no daemon runs:
//
//   # type  repo        commit or *  since                     owner     why
//   model   acme/otter  *            2026-11-27T18:00:00.000Z  uid=1001  demo on Friday
//
// The owner is missing where the cache is one user's.
//
// Lines it does not understand are kept as they are. Thread-safe; changes block for the disk.
class Pins {
 public:
  // A missing file holds none.   Errors: those of reading.
  static absl::StatusOr<std::unique_ptr<Pins>> Load(std::filesystem::path path, FileSystem& files);

  // Replaces a pin of the same repo, commit and owner. After OK it survives a power cut.
  absl::Status Add(Pin pin);

  // Of that commit; of nothing: all pins of the repo. With an owner only that one's. How many there were.
  absl::StatusOr<size_t> Remove(const RepoId& repo, const std::optional<CommitId>& commit,
                                const std::optional<uint32_t>& owner = std::nullopt);

  // Why the commit is pinned; nothing when it is not.
  std::optional<std::string> Of(const RepoId& repo, const CommitId& commit) const;

  std::vector<Pin> All() const;

 private:
  Pins(std::filesystem::path path, FileSystem& files) : path_(std::move(path)), files_(files) {}

  absl::Status Write(const std::vector<Pin>& pins);

  const std::filesystem::path path_;
  FileSystem& files_;
  std::vector<std::string> foreign_lines_;  // constant after Load()
  Mutex writing_;                           // one change at a time, over the disk
  mutable Mutex mutex_;
  std::vector<Pin> pins_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::inventory
