#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/types/blob_id.h"
#include "common/types/repo_id.h"
#include "daemon/cache/damage.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/partial_file.h"
#include "daemon/cache/repo_gate.h"
#include "daemon/cache/verified_files.h"

namespace batuta::cache {

std::filesystem::path PathOf(const Layout& layout, const FilePlace& place);

// Quarantine takes a damaged file out of the view of all tools, in every repo that has the same file on the
// disk: first what the catalog says of it, then links, durably, then the bytes. These become the partial file
// of the blob in the repo of the place, with a journal that believes what is right of them, so that the next
// pull fetches the rest; but not when somebody has the file open, or it has a name elsewhere: those keep it
// as it is. Snapshot folders, refs and listings stay.
//
// At no moment, and after no crash, does a link lead to nothing; what a crash interrupts is found again as a
// damaged blob, with fewer links or none. Blocks; waits until nobody in this process counts on the blobs of
// the repo.
class Quarantine {
 public:
  using OpenPartial = std::function<absl::StatusOr<std::unique_ptr<PartialFile>>(
      const RepoId& repo, const BlobId& blob, uint64_t size_bytes)>;

  // `verified` may be null.
  Quarantine(const Layout& layout, FileSystem& files, RepoGate& gate, VerifiedFiles* verified,
             OpenPartial open_partial)
      : layout_(layout),
        files_(files),
        gate_(gate),
        verified_(verified),
        open_partial_(std::move(open_partial)) {}

  // Nothing when the file at `place` is not as `damage` says.
  absl::StatusOr<std::optional<Withdrawal>> TakeIn(const FilePlace& place, const Damage& damage);

 private:
  using Path = std::filesystem::path;

  absl::StatusOr<bool> IsStill(const Path& path, const FileInfo& file);
  absl::Status TakeLinks(const RepoId& repo, const FileInfo& file, const Path& spared,
                         Withdrawal* withdrawal);
  absl::Status TakeBlob(const FilePlace& place, const Damage& damage, Withdrawal* withdrawal);
  absl::StatusOr<bool> MayKeep(const Path& path);

  const Layout& layout_;
  FileSystem& files_;
  RepoGate& gate_;
  VerifiedFiles* const verified_;
  const OpenPartial open_partial_;
};

}  // namespace batuta::cache
