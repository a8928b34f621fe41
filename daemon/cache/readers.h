#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/types/repo_id.h"

namespace batuta::cache {

// Who besides the daemon may enter the folder of a repo, where users share the cache. What lies in it is
// readable for the group, so the folder decides.
struct Readers {
  bool group = false;               // everybody in the group of the cache
  std::vector<uint32_t> uids = {};  // else these

  friend bool operator==(const Readers&, const Readers&) = default;
};

// Those of a repo, as of now. Thread-safe.
using ReadersOf = std::function<Readers(const RepoId& repo)>;

// Makes a folder that nobody else may enter, in a folder that is there; false when it is there already.
//   errors of ErrnoError()
absl::StatusOr<bool> MakeClosedFolder(const std::filesystem::path& folder);

// Lets exactly these into `folder`, by its mode and its access control list. Nothing at that place is no
// error.
//   kFailedPrecondition (STORAGE_FAILED)  the file system keeps no access control lists; then the folder is
//     closed to all users.
//   errors of ErrnoError()
absl::Status SetReaders(const std::filesystem::path& folder, const Readers& readers);

// The root: the group may pass through it, but not list it, since the names of private repos stand there.
absl::Status CloseRoot(const std::filesystem::path& root);

}  // namespace batuta::cache
