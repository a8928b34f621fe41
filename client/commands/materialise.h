#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace batuta::client {

// One file of a snapshot, as it shall appear in an output folder.
struct MaterialiseFile {
  std::string path;  // relative, `/`-separated
  uint64_t size_bytes = 0;
};

enum class LinkPolicy { kCopy, kHardLink };

struct Materialised {
  uint64_t files_written = 0;
  uint64_t files_unchanged = 0;  // were there already, byte for byte
};

// Puts the files of a snapshot into `folder` (made when missing), each under its path: as a reflink where the
// file system can, as a hard link where the policy allows it and both lie on one file system, else as a copy.
// Blocking.
//
// Each file appears whole or not at all: it is written beside its name and renamed. A file that has the same
// bytes already is left alone. Nothing is ever written outside `folder`: a symlink on the way down is
// refused, one in the place of a file is replaced and not followed. The hard-linked file is the cache's own:
// whoever changes it changes the cache.
//
//   kInvalidArgument (INVALID_PATH)     a path would leave the folder, or a symlink or a file stands where a
//   folder is needed. kFailedPrecondition (INVALID_ARGUMENT)  a folder or a device stands where a file
//   belongs. kDataLoss (DIGEST_MISMATCH)         a cached file has not the size it should have. as
//   ErrnoError()                     the disk refused; DISK_FULL among others.
absl::StatusOr<Materialised> Materialise(const std::filesystem::path& snapshot,
                                         const std::vector<MaterialiseFile>& files,
                                         const std::filesystem::path& folder, LinkPolicy policy);

}  // namespace batuta::client
