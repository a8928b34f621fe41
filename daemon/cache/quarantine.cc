#include "daemon/cache/quarantine.h"

#include <utility>

#include "common/status/status.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/disk_error.h"
#include "daemon/cache/folders.h"
#include "daemon/cache/survey.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;

bool IsSameFile(const FileInfo& some, const FileInfo& other) {
  return some.device == other.device && some.inode == other.inode;
}

absl::Status IgnoreAbsent(const absl::Status& status) {
  return SaysAbsent(status) ? absl::OkStatus() : status;
}

}  // namespace

Path PathOf(const Layout& layout, const FilePlace& place) {
  if (!place.blob.empty()) return layout.Blobs(place.repo) / place.blob;
  return layout.Snapshot(place.repo, *place.commit) / place.path;
}

absl::StatusOr<std::optional<Withdrawal>> Quarantine::TakeIn(const FilePlace& place, const Damage& damage) {
  const Path path = PathOf(layout_, place);
  ASSIGN_OR_RETURN(const bool is_still, IsStill(path, damage.file));
  if (!is_still) return std::nullopt;
  // First: from now on nobody links to it because of what was known.
  if (verified_ != nullptr) RETURN_IF_ERROR(verified_->Forget(damage.file));

  Withdrawal withdrawal;
  ASSIGN_OR_RETURN(const RootListing root, CacheReader(layout_, files_).ListRoot());
  for (const RepoId& repo : root.repos) {
    const Path twin = layout_.Blob(repo, damage.blob);
    if (repo == place.repo) continue;
    const auto info = files_.Info(twin);
    if (!info.ok() || !IsSameFile(*info, damage.file)) continue;
    const RepoGate::Pass alone = gate_.EnterAlone(repo);
    RETURN_IF_ERROR(TakeLinks(repo, damage.file, twin, &withdrawal));
    RETURN_IF_ERROR(IgnoreAbsent(files_.Remove(twin)));
    RETURN_IF_ERROR(files_.SyncFolder(twin.parent_path()));
  }
  const RepoGate::Pass alone = gate_.EnterAlone(place.repo);
  ASSIGN_OR_RETURN(const bool is_there, IsStill(path, damage.file));
  if (!is_there) return withdrawal;  // somebody else has removed it
  RETURN_IF_ERROR(TakeLinks(place.repo, damage.file, path, &withdrawal));
  RETURN_IF_ERROR(TakeBlob(place, damage, &withdrawal));
  return withdrawal;
}

// The same bytes as when they were read?
absl::StatusOr<bool> Quarantine::IsStill(const Path& path, const FileInfo& file) {
  auto info = files_.Info(path);
  if (info.ok() && info->kind == FileInfo::Kind::kSymlink) {
    // Some people move blobs elsewhere and leave a link.
    const auto opened = files_.Open(path, OpenMode::kRead);
    info = opened.ok() ? (*opened)->Info() : opened.status();
  }
  if (SaysAbsent(info.status())) return false;
  if (!info.ok()) return info.status();
  return IsSameFile(*info, file) && info->size_bytes == file.size_bytes && info->modified == file.modified;
}

// All of a repo that lead to the file, but for the one that is moved as a whole.
absl::Status Quarantine::TakeLinks(const RepoId& repo, const FileInfo& file, const Path& spared,
                                   Withdrawal* withdrawal) {
  ASSIGN_OR_RETURN(const RepoSurvey survey, SurveyRepo(layout_, files_, repo));
  for (const SurveyedSnapshot& snapshot : survey.snapshots) {
    for (const SurveyedFile& found : snapshot.files) {
      if (found.device != file.device || found.inode != file.inode) continue;
      const Path path = layout_.Snapshot(repo, snapshot.commit) / found.path;
      withdrawal->files.push_back({repo, snapshot.commit, found.path});
      if (path != spared) RETURN_IF_ERROR(IgnoreAbsent(files_.Remove(path)));
    }
  }
  // Also what others took away before: the bytes must not go before their links.
  return SyncFolderTree(files_, layout_.Snapshots(repo));
}

absl::Status Quarantine::TakeBlob(const FilePlace& place, const Damage& damage, Withdrawal* withdrawal) {
  const Path path = PathOf(layout_, place);
  const auto info = files_.Info(path);
  if (SaysAbsent(info.status())) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool may_keep, MayKeep(path));
  if (may_keep) {
    auto partial = open_partial_(place.repo, damage.blob, damage.size_bytes);
    // Else a pull that found the blob to be too short is on its way already.
    if (partial.ok() && (*partial)->believed().empty()) {
      RETURN_IF_ERROR((*partial)->Adopt(path, damage.good, damage.sums));
      withdrawal->is_kept = true;
    }
  }
  if (!withdrawal->is_kept) RETURN_IF_ERROR(IgnoreAbsent(files_.Remove(path)));
  return IgnoreAbsent(files_.SyncFolder(path.parent_path()));
}

// A partial file is cut and written to: that must not happen to a file that somebody else uses, nor to one
// that this process may not write.
absl::StatusOr<bool> Quarantine::MayKeep(const Path& path) {
  const auto file = files_.Open(path, OpenMode::kReadWrite);
  if (absl::IsPermissionDenied(file.status()) || SaysAbsent(file.status())) return false;
  if (!file.ok()) return file.status();
  ASSIGN_OR_RETURN(const FileInfo info, (*file)->Info());
  return info.links == 1 && !(*file)->IsOpenElsewhere();
}

}  // namespace batuta::cache
