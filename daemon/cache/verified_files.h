#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/time/clock.h"
#include "common/types/blob_id.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::cache {

// A file whose bytes were found to have the hash that `blob` is. `file` is as it was before they were read.
struct VerifiedFile {
  FileInfo file;
  BlobId blob;
};

// VerifiedFiles remembers, in Table::kVerified, which files on the disk were found to be which blob, and
// when. It knows a file by device and inode, whatever its names, and believes no record when size or
// modification time have changed since. (The change time does not count: every new hard link moves it.) What
// the disk damages by itself it cannot see: a record says what was so when it was made.
//
// Thread-safe. Everything blocks on the catalog: run it on the disk pool. Errors: those of MetadataStore.
class VerifiedFiles {
 public:
  // Both outlive it.
  VerifiedFiles(metadata::MetadataStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // When the file was last found to be `blob`; nothing when it never was, or was changed since.
  absl::StatusOr<std::optional<WallTime>> WhenFound(const FileInfo& file, const BlobId& blob);

  // They were found to be so now. One write, which need not survive a power cut.
  absl::Status Record(const std::vector<VerifiedFile>& files);

  // Nothing is known of the file any more. After OK that survives a power cut.
  absl::Status Forget(const FileInfo& file);

  // Forgets the files that are gone, and records that cannot be read.
  absl::Status ForgetGone(absl::FunctionRef<bool(uint64_t device, uint64_t inode)> is_there);

 private:
  metadata::MetadataStore& store_;
  const Clock& clock_;
};

}  // namespace batuta::cache
