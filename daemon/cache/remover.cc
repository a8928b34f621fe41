#include "daemon/cache/remover.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/blob_lock.h"
#include "daemon/cache/disk_error.h"
#include "daemon/cache/folders.h"

namespace batuta::cache {
namespace {

using Kind = FileInfo::Kind;

absl::Status InUse(const RepoId& repo, std::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kInUse,
                   fmt::format("{} {}: {}", ToString(repo.type()), repo.id(), what),
                   "end what uses it, or wait for it, and try again");
}

// OK when it is gone already.
absl::Status IgnoreAbsent(const absl::Status& status) {
  return SaysAbsent(status) ? absl::OkStatus() : status;
}

// Which files of a survey are meant, and which blobs only they hold.
struct Doomed {
  const SurveyedSnapshot* snapshot = nullptr;
  std::vector<const SurveyedFile*> files;
  std::set<std::string> blobs;
};

Doomed Choose(const RepoSurvey& survey, const CommitId& commit, const std::vector<std::string>& paths) {
  Doomed doomed;
  const std::set<std::string_view> wanted(paths.begin(), paths.end());
  std::set<std::string_view> held;
  for (const SurveyedSnapshot& snapshot : survey.snapshots) {
    const bool is_meant = snapshot.commit == commit;
    if (is_meant) doomed.snapshot = &snapshot;
    for (const SurveyedFile& file : snapshot.files) {
      if (is_meant && wanted.count(file.path) == 1) {
        doomed.files.push_back(&file);
      } else {
        held.insert(file.blob);
      }
    }
  }
  for (const SurveyedFile* file : doomed.files) {
    if (!file->blob.empty() && held.count(file->blob) == 0) doomed.blobs.insert(file->blob);
  }
  return doomed;
}

}  // namespace

absl::StatusOr<Removal> Remover::Remove(const RepoId& repo, const CommitId& commit,
                                        const std::vector<std::string>& paths,
                                        absl::FunctionRef<bool()> may_go) {
  const RepoGate::Pass alone = gate_.EnterAlone(repo);
  if (!may_go()) return InUse(repo, "a job or a client began to use it");
  ASSIGN_OR_RETURN(const RepoSurvey survey, SurveyRepo(layout_, files_, repo));
  const Doomed doomed = Choose(survey, commit, paths);
  Removal removal;
  if (doomed.snapshot == nullptr) return removal;
  const Path snapshot = layout_.Snapshot(repo, commit);
  for (const SurveyedFile* file : doomed.files) {
    const bool goes = file->blob.empty() || doomed.blobs.count(file->blob) == 1;
    if (!goes) continue;
    ASSIGN_OR_RETURN(const bool is_open, IsOpen(snapshot / file->path));
    if (is_open) return InUse(repo, fmt::format("a process has {} open", Printable(file->path)));
  }

  const bool is_whole_snapshot = doomed.files.size() == doomed.snapshot->files.size();
  if (is_whole_snapshot) RETURN_IF_ERROR(RemoveRefs(repo, doomed.snapshot->refs));
  for (const SurveyedFile* file : doomed.files) {
    const Path place = snapshot / file->path;
    const auto info = files_.Info(place);
    const absl::Status removed = files_.Remove(place);
    if (SaysAbsent(removed)) continue;
    RETURN_IF_ERROR(removed);
    ++removal.files;
    if (info.ok() && info->kind == Kind::kFile && info->links == 1) removal.freed_bytes += info->size_bytes;
  }
  if (is_whole_snapshot) RETURN_IF_ERROR(RemoveSnapshotFolder(repo, commit));
  RETURN_IF_ERROR(SyncFolderTree(files_, layout_.Snapshots(repo)));
  RETURN_IF_ERROR(RemoveBlobs(repo, doomed.blobs, &removal));
  RemoveEmptyRepo(repo);
  return removal;
}

absl::StatusOr<Removal> Remover::RemoveLoose(const RepoId& repo, const std::vector<std::string>& names) {
  const RepoGate::Pass alone = gate_.EnterAlone(repo);
  Removal removal;
  ASSIGN_OR_RETURN(const RepoSurvey survey, SurveyRepo(layout_, files_, repo));
  std::set<std::string> loose;
  for (const LooseFile& file : survey.loose) {
    if (std::find(names.begin(), names.end(), file.name) == names.end()) continue;
    ASSIGN_OR_RETURN(const bool is_open, IsOpen(layout_.Blobs(repo) / file.name));
    if (!is_open) loose.insert(file.name);
  }
  // Whoever took the last link away may not have made that durable: a blob must not go before its links.
  if (!loose.empty()) RETURN_IF_ERROR(SyncFolderTree(files_, layout_.Snapshots(repo)));
  RETURN_IF_ERROR(RemoveBlobs(repo, loose, &removal));
  RemoveEmptyRepo(repo);
  return removal;
}

// A ref whose snapshot is gone makes the Python library drop the repo from its report: so they go first. All
// refs are synced, since an earlier try may have been killed between removing one and syncing.
absl::Status Remover::RemoveRefs(const RepoId& repo, const std::vector<std::string>& refs) {
  for (const std::string& ref : refs) RETURN_IF_ERROR(IgnoreAbsent(files_.Remove(layout_.Refs(repo) / ref)));
  return SyncFolderTree(files_, layout_.Refs(repo));
}

absl::Status Remover::RemoveSnapshotFolder(const RepoId& repo, const CommitId& commit) {
  RETURN_IF_ERROR(RemoveTree(layout_.Snapshot(repo, commit)));
  RETURN_IF_ERROR(RemoveTree(layout_.NoExist(repo, commit)));
  return IgnoreAbsent(files_.Remove(layout_.Tree(repo, commit)));
}

// Other tools link to blobs without telling anybody. So a blob is renamed first; whoever looks for it now
// finds it missing, and whoever has linked to it until now shows in a second look, and gets it back.
absl::Status Remover::RemoveBlobs(const RepoId& repo, const std::set<std::string>& names, Removal* removal) {
  if (names.empty()) return absl::OkStatus();
  std::vector<BlobLock> locks;
  std::set<std::string> free;
  for (const std::string& name : names) {
    const auto blob = BlobId::Parse(name);
    if (blob.ok() && blob->hex() == name && probe_.abilities().locks) {
      auto lock = BlobLock::TryTake(files_, layout_.Lock(repo, *blob));
      if (!lock.has_value()) continue;  // somebody is about to finish it: left for the next time
      locks.push_back(*std::move(lock));
    }
    free.insert(name);
  }
  ASSIGN_OR_RETURN(const std::vector<Aside> aside, SetAside(repo, free));
  const auto again = SurveyRepo(layout_, files_, repo);
  absl::Status status = again.status();
  std::set<std::string> wanted;
  if (again.ok()) {
    for (const SurveyedSnapshot& snapshot : again->snapshots) {
      for (const std::string& path : snapshot.broken_links) {
        const auto text = files_.ReadSymlink(layout_.Snapshot(repo, snapshot.commit) / path);
        if (text.ok()) wanted.insert(Path(*text).filename().native());
      }
    }
  }
  for (const Aside& blob : aside) {
    absl::Status next;
    if (!again.ok() || wanted.count(blob.name) == 1) {
      next = files_.Rename(blob.temp, layout_.Blobs(repo) / blob.name);
    } else {
      const auto info = files_.Info(blob.temp);
      next = files_.Remove(blob.temp);
      if (next.ok()) ++removal->blobs;
      if (next.ok() && info.ok() && info->links == 1) removal->freed_bytes += BytesOf(blob.name, *info);
    }
    if (status.ok()) status = next;
  }
  RETURN_IF_ERROR(status);
  return IgnoreAbsent(files_.SyncFolder(layout_.Blobs(repo)));
}

absl::StatusOr<std::vector<Remover::Aside>> Remover::SetAside(const RepoId& repo,
                                                              const std::set<std::string>& names) {
  std::vector<Aside> aside;
  for (const std::string& name : names) {
    Aside blob{name, temp_names_.NextAside(layout_.Repo(repo), name)};
    const absl::Status renamed = files_.Rename(layout_.Blobs(repo) / name, blob.temp);
    if (SaysAbsent(renamed)) continue;
    if (!renamed.ok()) {
      for (const Aside& earlier : aside) {
        files_.Rename(earlier.temp, layout_.Blobs(repo) / earlier.name).IgnoreError();
      }
      return renamed;
    }
    aside.push_back(std::move(blob));
  }
  return aside;
}

absl::StatusOr<bool> Remover::IsOpen(const Path& path) {
  const auto file = files_.Open(path, OpenMode::kRead);
  if (SaysAbsent(file.status()) || absl::IsPermissionDenied(file.status())) return false;
  if (!file.ok()) return file.status();
  return (*file)->IsOpenElsewhere();
}

absl::Status Remover::RemoveTree(const Path& folder) {
  const auto names = files_.List(folder);
  if (SaysAbsent(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto info = files_.Info(folder / name);
    if (info.ok() && info->kind == Kind::kFolder) {
      RETURN_IF_ERROR(RemoveTree(folder / name));
    } else {
      RETURN_IF_ERROR(IgnoreAbsent(files_.Remove(folder / name)));
    }
  }
  return IgnoreAbsent(files_.Remove(folder));
}

// Folders go only while they are empty: what others put there meanwhile keeps them. A listing is that of a
// pull which waits for room, and a repo that stays keeps its folders, or other tools warn of it.
void Remover::RemoveEmptyRepo(const RepoId& repo) {
  for (const Path& folder : {layout_.Snapshots(repo), layout_.Blobs(repo), layout_.Trees(repo)}) {
    const auto names = files_.List(folder);
    if (names.ok() && !names->empty()) return;
  }
  std::vector<Path> pending = {layout_.Refs(repo)};
  std::vector<Path> folders = {layout_.Repo(repo), layout_.Blobs(repo), layout_.Snapshots(repo),
                               layout_.Trees(repo), layout_.Repo(repo) / ".no_exist"};
  while (!pending.empty()) {
    const Path folder = std::move(pending.back());
    pending.pop_back();
    folders.push_back(folder);
    const auto names = files_.List(folder);
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      const auto info = files_.Info(folder / name);
      if (info.ok() && info->kind == Kind::kFolder) pending.push_back(folder / name);
    }
  }
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    files_.Remove(*folder).IgnoreError();
  }
}

}  // namespace batuta::cache
