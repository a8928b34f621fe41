#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/io/unique_fd.h"
#include "common/time/clock.h"

namespace batuta::metadata {

// CatalogFolder is the folder of the catalog while this process owns it: an flock(2) on a file in it keeps
// others out. The lock goes with the object. Not thread-safe, except MarkDamaged().
class CatalogFolder {
 public:
  // Makes the folder (0700) and its parents when missing.
  //   kFailedPrecondition (DAEMON_BUSY)  another process owns it. Else as ErrnoError() maps.
  static absl::StatusOr<CatalogFolder> Take(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }

  // Is there a database that could be opened?
  bool HasDatabase() const;

  // Why the files cannot be a usable database, without opening it; nothing when they may be.
  std::optional<std::string> ObviousDamage() const;

  // Has the next start set the catalog aside. Called when a read finds damage while the catalog is in use.
  void MarkDamaged() const;

  // Renames the folder to `<path>.damaged-<UTC time>`, takes a new empty one in its place and answers the
  // name.
  absl::StatusOr<std::filesystem::path> SetAside(WallTime now);

 private:
  CatalogFolder(std::filesystem::path path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  UniqueFd lock_;
};

}  // namespace batuta::metadata
