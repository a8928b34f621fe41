#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "daemon/cache/journal.h"
#include "daemon/cache/known_pieces.h"
#include "daemon/cache/partial.h"
#include "daemon/cache/verified_files.h"

namespace batuta::cache {

// PartialFile is the Partial on disk.
class PartialFile final : public Partial {
 public:
  struct Spec {
    RepoId repo;
    BlobId blob;
    uint64_t size_bytes = 0;
    std::filesystem::path part;   // the file; its folder exists
    std::filesystem::path whole;  // the blob's name, in the same folder
    std::filesystem::path lock;   // of the blob
    std::string boot_id;
    bool can_lock = true;
    VerifiedFiles* verified = nullptr;  // these are told of what is published; may be null
    KnownPieces* pieces = nullptr;
  };

  // Opens or makes the file and settles what of it is believed.
  //   kFailedPrecondition (DAEMON_BUSY)  it is in use.
  static absl::StatusOr<std::unique_ptr<PartialFile>> Open(Spec spec, FileSystem& files,
                                                           PartialJournal& journal);

  const BlobId& blob() const override { return spec_.blob; }

  uint64_t size_bytes() const override { return spec_.size_bytes; }

  const std::vector<Extent>& believed() const override { return believed_; }

  const PieceSums& sums() const override { return sums_; }

  // Puts a file of the same folder, a blob that was found to be damaged, in the place of this one's, of which
  // nothing is believed. `good`, in the form of believed(), is what of it is right and on the disk. The
  // object is of no use afterwards.
  absl::Status Adopt(const std::filesystem::path& damaged, const std::vector<Extent>& good,
                     const PieceSums& sums);

  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override;
  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> bytes) override;
  absl::Status Journal(const std::vector<Extent>& written, const PieceSums& sums) override;
  absl::Status Checkpoint(const std::vector<Extent>& written, const PieceSums& sums) override;
  absl::Status StartOver() override;
  absl::Status Publish(const PieceSums& sums) override;
  absl::Status Discard() override;

 private:
  PartialFile(Spec spec, FileSystem& files, PartialJournal& journal, std::unique_ptr<File> file)
      : spec_(std::move(spec)), files_(files), journal_(journal), file_(std::move(file)) {}

  absl::Status SettleBelief(const std::optional<PartialRecord>& found);
  absl::Status Record(std::vector<Extent> written, std::vector<Extent> synced, PieceSums sums);
  absl::Status SyncBytes();
  absl::Status CheckPlace() const;
  absl::Status PutInPlace();

  const Spec spec_;
  FileSystem& files_;
  PartialJournal& journal_;
  std::unique_ptr<File> file_;
  std::vector<Extent> believed_;
  PieceSums sums_;                       // as found
  std::optional<PartialRecord> record_;  // as it stands in the catalog
};

}  // namespace batuta::cache
