#include "daemon/cache/snapshot_writer.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/disk_error.h"
#include "daemon/cache/folders.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;
using Kind = FileInfo::Kind;

// The disk's own limits on names are the repo's fault, not the disk's.
absl::Status Explained(const absl::Status& status, const Path& place) {
  if (ErrnoOf(status) != ENAMETOOLONG) return status;
  return InTheWay(place, "has a name that is too long for this file system");
}

std::string LowerCase(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

absl::Status CopyFile(FileSystem& files, const Path& from, const Path& to) {
  constexpr size_t kPieceBytes = 1 << 20;
  ASSIGN_OR_RETURN(const std::unique_ptr<File> source, files.Open(from, OpenMode::kRead));
  ASSIGN_OR_RETURN(const std::unique_ptr<File> target, OpenFresh(files, to));
  std::vector<std::byte> piece(kPieceBytes);
  for (uint64_t offset = 0;;) {
    ASSIGN_OR_RETURN(const size_t count, source->ReadAt(offset, piece));
    RETURN_IF_ERROR(target->WriteAt(offset, std::span(piece).first(count)));
    offset += count;
    if (count < piece.size()) return target->Sync();
  }
}

}  // namespace

absl::StatusOr<bool> SnapshotWriter::LinkExisting(const RepoId& repo, const CommitId& commit,
                                                  const Entry& entry) {
  const Path snapshot = layout_.Snapshot(repo, commit);
  const Path place = snapshot / entry.path.text();
  const std::vector<Path> folders = FoldersOnTheWay(snapshot, entry.path.text());
  const auto are_there = CheckRealFolders(files_, folders);
  if (!are_there.ok()) return Explained(are_there.status(), place);
  if (*are_there) {
    const auto is_in_place = reader_.IsInPlace(repo, commit, entry);
    if (!is_in_place.ok()) return Explained(is_in_place.status(), place);
    if (*is_in_place) return true;
  }
  RETURN_IF_ERROR(probe_.EnsureKnown());
  const Path blob = layout_.Blob(repo, entry.blob);
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size_bytes, SizeOf(files_, blob));
  const bool has_blob = size_bytes == entry.size_bytes;
  std::optional<Path> original;
  if (!has_blob && !probe_.abilities().symlinks) {
    ASSIGN_OR_RETURN(original, same_content_.Find(repo, entry.blob, entry.size_bytes));
  }
  if (!has_blob && !original.has_value()) return false;

  absl::Status status = MakeWay(repo, commit, folders);
  if (status.ok() && original.has_value()) {
    status = PutCopy(repo, *original, place);
  } else if (status.ok() && probe_.abilities().symlinks) {
    status = PutLink(repo, entry, place);
  } else if (status.ok()) {
    status = CheckReplaceable(place);
    if (status.ok()) status = files_.Rename(blob, place);
  }
  if (!status.ok()) return Explained(status, place);
  RETURN_IF_ERROR(NoteChanged(snapshot, place.parent_path()));
  return true;
}

absl::Status SnapshotWriter::Sync(const RepoId& repo, const CommitId& commit) {
  const Path snapshot = layout_.Snapshot(repo, commit);
  RETURN_IF_ERROR(MakeWay(repo, commit, {snapshot}));
  std::set<Path> changed;
  {
    MutexLock lock(mutex_);
    if (auto node = changed_.extract(snapshot); !node.empty()) changed = std::move(node.mapped());
    changed_count_ -= changed.size();
  }
  while (!changed.empty()) {
    absl::Status status = files_.SyncFolder(*changed.begin());
    if (!status.ok() && !SaysAbsent(status)) {
      for (const Path& folder : changed) NoteChanged(snapshot, folder).IgnoreError();
      return status;
    }
    changed.erase(changed.begin());
  }
  return absl::OkStatus();
}

absl::Status SnapshotWriter::MakeWay(const RepoId& repo, const CommitId& commit,
                                     const std::vector<Path>& folders) {
  RETURN_IF_ERROR(folders_.Make(repo, layout_.Snapshots(repo)));
  ASSIGN_OR_RETURN(const std::vector<Path> changed, MakeRealFolders(files_, folders));
  for (const Path& folder : changed) RETURN_IF_ERROR(NoteChanged(layout_.Snapshot(repo, commit), folder));
  return absl::OkStatus();
}

absl::Status SnapshotWriter::PutLink(const RepoId& repo, const Entry& entry, const Path& place) {
  const std::string text = LinkText(entry.path, entry.blob);
  absl::Status status = files_.Symlink(text, place);
  if (!absl::IsAlreadyExists(status)) return status;
  RETURN_IF_ERROR(CheckReplaceable(place));
  const Path temp = temp_names_.Next(layout_.Repo(repo));
  status = files_.Symlink(text, temp);
  if (status.ok()) status = files_.Rename(temp, place);
  if (!status.ok()) files_.Remove(temp).IgnoreError();  // the first error is what the caller must hear
  return status;
}

absl::Status SnapshotWriter::PutCopy(const RepoId& repo, const Path& original, const Path& place) {
  RETURN_IF_ERROR(CheckReplaceable(place));
  const Path temp = temp_names_.Next(layout_.Repo(repo));
  absl::Status status =
      probe_.abilities().hard_links ? files_.Link(original, temp) : CopyFile(files_, original, temp);
  if (status.ok()) status = files_.Rename(temp, place);
  if (!status.ok()) files_.Remove(temp).IgnoreError();  // the first error is what the caller must hear
  return status;
}

// What is in the place of a file, and is not it, may be replaced: a link or a file of the same name. Not a
// folder; and not what has the same name only because this file system does not tell letter case apart, since
// that is another entry.
absl::Status SnapshotWriter::CheckReplaceable(const Path& place) {
  const auto info = files_.Info(place);
  if (absl::IsNotFound(info.status())) return absl::OkStatus();
  if (!info.ok()) return info.status();
  if (info->kind == Kind::kFolder) return InTheWay(place, "is a folder where a file is needed");
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(place.parent_path()));
  const std::string name = place.filename().native();
  if (std::binary_search(names.begin(), names.end(), name)) return absl::OkStatus();
  const auto twin = std::find_if(names.begin(), names.end(), [&](const std::string& other) {
    return LowerCase(other) == LowerCase(name);
  });
  if (twin == names.end()) return absl::OkStatus();  // gone meanwhile
  return InTheWay(place,
                  fmt::format("cannot stand beside {}: this file system does not tell letter case apart",
                              Printable(*twin)));
}

absl::Status SnapshotWriter::NoteChanged(const Path& snapshot, const Path& folder) {
  constexpr size_t kMostNoted = 10'000;
  {
    MutexLock lock(mutex_);
    if (changed_count_ < kMostNoted) {
      if (changed_[snapshot].insert(folder).second) ++changed_count_;
      return absl::OkStatus();
    }
  }
  return files_.SyncFolder(folder);
}

}  // namespace batuta::cache
