#include "daemon/cache/partial_file.h"

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/blob_lock.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;

absl::Status InUse(const Path& part) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kDaemonBusy,
                   fmt::format("{} is being written by another process", Printable(part.native())),
                   "stop the other batutad that uses this cache with the same state, then try again");
}

absl::StatusOr<bool> IsStillNamed(FileSystem& files, const File& file, const Path& path) {
  ASSIGN_OR_RETURN(const FileInfo opened, file.Info());
  const auto named = files.Info(path);
  if (absl::IsNotFound(named.status())) return false;
  if (!named.ok()) return named.status();
  return opened.inode == named->inode && opened.device == named->device;
}

// The open and locked file that has the name `part`.
absl::StatusOr<std::unique_ptr<File>> OpenLocked(FileSystem& files, const Path& part, bool can_lock) {
  constexpr int kMostTries = 3;  // it may be renamed or removed between opening and locking
  for (int i = 0; i < kMostTries; ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<File> file, files.Open(part, OpenMode::kCreate));
    if (!can_lock) return file;
    ASSIGN_OR_RETURN(const bool is_ours, file->TryLock());
    if (!is_ours) return InUse(part);
    ASSIGN_OR_RETURN(const bool is_named, IsStillNamed(files, *file, part));
    if (is_named) return file;
  }
  return InUse(part);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PartialFile>> PartialFile::Open(Spec spec, FileSystem& files,
                                                               PartialJournal& journal) {
  ASSIGN_OR_RETURN(const std::optional<PartialRecord> found, journal.Load(spec.repo, spec.blob));
  if (!found.has_value()) {
    // Before the file, so that there is never a file of ours without a record.
    const PartialRecord empty{spec.size_bytes, spec.boot_id, {}, {}, {}};
    RETURN_IF_ERROR(journal.Save(spec.repo, spec.blob, empty, std::nullopt));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, OpenLocked(files, spec.part, spec.can_lock));
  std::unique_ptr<PartialFile> partial(new PartialFile(std::move(spec), files, journal, std::move(file)));
  RETURN_IF_ERROR(partial->SettleBelief(found));
  return partial;
}

// Decides what of the file is believed and takes back, for good, whatever the catalog says beyond that: bytes
// written from now on must not pass for older ones after a power cut.
absl::Status PartialFile::SettleBelief(const std::optional<PartialRecord>& found) {
  ASSIGN_OR_RETURN(const FileInfo info, file_->Info());
  record_ = found;
  const bool same_blob = found.has_value() && found->size_bytes == spec_.size_bytes;
  if (same_blob) {
    believed_ = BelievedOf(*found, spec_.boot_id, info.size_bytes);
    sums_ = found->sums;
  }
  std::vector<Extent> synced = same_blob ? ClippedTo(found->synced, info.size_bytes) : std::vector<Extent>();
  if (found.has_value()) RETURN_IF_ERROR(Record(believed_, std::move(synced), sums_));
  const uint64_t used_bytes = believed_.empty() ? 0 : believed_.back().end;
  if (info.size_bytes == used_bytes) return absl::OkStatus();
  return file_->Truncate(used_bytes);
}

absl::Status PartialFile::WriteAt(uint64_t offset, std::span<const std::byte> bytes) {
  if (offset > spec_.size_bytes || bytes.size() > spec_.size_bytes - offset) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInternal,
                     fmt::format("{} bytes at {} do not fit blob {} of {} bytes", bytes.size(), offset,
                                 spec_.blob.hex(), spec_.size_bytes));
  }
  return file_->WriteAt(offset, bytes);
}

absl::StatusOr<size_t> PartialFile::ReadAt(uint64_t offset, std::span<std::byte> bytes) {
  return file_->ReadAt(offset, bytes);
}

absl::Status PartialFile::Journal(const std::vector<Extent>& written, const PieceSums& sums) {
  std::vector<Extent> synced = record_.has_value() ? record_->synced : std::vector<Extent>();
  return Record(written, CommonOf(synced, written), sums);
}

absl::Status PartialFile::Checkpoint(const std::vector<Extent>& written, const PieceSums& sums) {
  RETURN_IF_ERROR(SyncBytes());
  // The name must survive as well as the bytes.
  RETURN_IF_ERROR(files_.SyncFolder(spec_.part.parent_path()));
  return Record(written, written, sums);
}

absl::Status PartialFile::StartOver() {
  RETURN_IF_ERROR(Record({}, {}, {}));
  return file_->Truncate(0);
}

// The record goes first: while it has no such file, nothing of it is believed, since the file it has is
// empty.
absl::Status PartialFile::Adopt(const Path& damaged, const std::vector<Extent>& good, const PieceSums& sums) {
  RETURN_IF_ERROR(Record(good, good, sums));
  RETURN_IF_ERROR(files_.Rename(damaged, spec_.part));
  return files_.SyncFolder(spec_.part.parent_path());
}

absl::Status PartialFile::Publish(const PieceSums& sums) {
  RETURN_IF_ERROR(CheckPlace());
  RETURN_IF_ERROR(SyncBytes());
  RETURN_IF_ERROR(PutInPlace());
  // The blob is there, whatever becomes of the record: one without a file is dropped at the next start.
  journal_.Drop(spec_.repo, spec_.blob, record_).IgnoreError();
  if (const auto info = file_->Info(); info.ok() && spec_.verified != nullptr) {
    spec_.verified->Record({{*info, spec_.blob}}).IgnoreError();  // else it is hashed once more one day
  }
  if (spec_.pieces != nullptr) spec_.pieces->Record(spec_.blob, spec_.size_bytes, sums).IgnoreError();
  return absl::OkStatus();
}

absl::Status PartialFile::Discard() {
  RETURN_IF_ERROR(journal_.Drop(spec_.repo, spec_.blob, record_));
  record_.reset();
  const absl::Status removed = files_.Remove(spec_.part);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

absl::Status PartialFile::Record(std::vector<Extent> written, std::vector<Extent> synced, PieceSums sums) {
  if (!IsWellFormed(written, spec_.size_bytes)) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInternal,
                     fmt::format("the extents of blob {} are not sorted and apart", spec_.blob.hex()));
  }
  PartialRecord record{spec_.size_bytes, spec_.boot_id, std::move(written), std::move(synced),
                       std::move(sums)};
  if (record == record_) return absl::OkStatus();
  RETURN_IF_ERROR(journal_.Save(spec_.repo, spec_.blob, record, record_));
  record_ = std::move(record);
  return absl::OkStatus();
}

// A failed sync may have dropped bytes that the kernel had taken, and a second one may then succeed: only
// what was on the disk before is believed from then on.
absl::Status PartialFile::SyncBytes() {
  absl::Status status = file_->Sync();
  if (!status.ok() && record_.has_value())
    Record(record_->synced, record_->synced, record_->sums).IgnoreError();
  return status;
}

absl::Status PartialFile::CheckPlace() const {
  ASSIGN_OR_RETURN(const FileInfo info, file_->Info());
  if (info.size_bytes != spec_.size_bytes) {
    return MakeError(absl::StatusCode::kDataLoss, reason::kDigestMismatch,
                     fmt::format("{} is {} bytes long instead of {}", Printable(spec_.part.native()),
                                 info.size_bytes, spec_.size_bytes),
                     "another program changed it; try again");
  }
  ASSIGN_OR_RETURN(const bool is_named, IsStillNamed(files_, *file_, spec_.part));
  if (is_named) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed,
                   fmt::format("{} was removed while it was being written", Printable(spec_.part.native())),
                   "another program removed it from the cache; try again");
}

absl::Status PartialFile::PutInPlace() {
  std::optional<BlobLock> lock;
  if (spec_.can_lock) lock = BlobLock::TryTake(files_, spec_.lock);
  // Over a blob that another tool has put there meanwhile, too: equal names mean equal bytes, and these are
  // verified.
  RETURN_IF_ERROR(files_.Rename(spec_.part, spec_.whole));
  return files_.SyncFolder(spec_.whole.parent_path());
}

}  // namespace batuta::cache
