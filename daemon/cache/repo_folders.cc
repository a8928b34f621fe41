#include "daemon/cache/repo_folders.h"

#include "common/status/status.h"
#include "daemon/cache/folders.h"

namespace batuta::cache {

absl::Status RepoFolders::Make(const RepoId& repo, const std::filesystem::path& path) {
  if (readers_of_) {
    const std::filesystem::path folder = layout_.Repo(repo);
    const absl::StatusOr<bool> is_new = MakeClosedFolder(folder);
    RETURN_IF_ERROR(is_new.status());
    if (*is_new) {
      RETURN_IF_ERROR(files_.SyncFolder(layout_.root()));
      RETURN_IF_ERROR(Apply(repo));
    }
  }
  return MakeFoldersDurably(files_, path);
}

absl::Status RepoFolders::Apply(const RepoId& repo) {
  if (!readers_of_) return absl::OkStatus();
  MutexLock lock(mutex_);
  return SetReaders(layout_.Repo(repo), readers_of_(repo));
}

absl::Status RepoFolders::ApplyAll(const std::vector<RepoId>& repos) {
  if (!readers_of_) return absl::OkStatus();
  RETURN_IF_ERROR(CloseRoot(layout_.root()));
  RETURN_IF_ERROR(SetReaders(layout_.Locks(), {}));  // it has a folder for each repo
  for (const RepoId& repo : repos) RETURN_IF_ERROR(Apply(repo));
  return absl::OkStatus();
}

}  // namespace batuta::cache
