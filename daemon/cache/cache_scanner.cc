#include "daemon/cache/cache_scanner.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/survey.h"

namespace batuta::cache {
namespace {

using Kind = FileInfo::Kind;

// What may lie at the root besides repos without a word.
bool IsExpectedAtRoot(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {".locks", "CACHEDIR.TAG", ".DS_Store", "Thumbs.db",
                                                      "desktop.ini"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

absl::StatusOr<CacheListing> CacheScanner::Scan(const std::vector<RepoId>& only) {
  if (only.empty()) {
    const auto names = files_.List(layout_.root());
    if (!names.ok() && !absl::IsNotFound(names.status())) return names.status();
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
      if (IsExpectedAtRoot(name)) continue;
      const auto repo = RepoId::FromFolder(name);
      if (repo.ok()) {
        ScanRepo(*repo);
      } else {
        Warn(layout_.root() / name, "is not a repo that this version knows: left out");
      }
    }
  }
  for (const RepoId& repo : only) {
    if (!absl::IsNotFound(files_.Info(layout_.Repo(repo)).status())) ScanRepo(repo);
  }
  if (unsaid_warnings_ > 0)
    listing_.warnings.push_back(fmt::format("… and {} more warnings", unsaid_warnings_));
  return std::move(listing_);
}

void CacheScanner::ScanRepo(const RepoId& repo) {
  ++repo_number_;
  const auto commits = files_.List(layout_.Snapshots(repo));
  if (!commits.ok()) {
    if (absl::IsNotFound(commits.status())) {
      if (!HasOnlyBegun(repo)) Warn(layout_.Repo(repo), "has no snapshots: left out");
    } else {
      WarnError(layout_.Snapshots(repo), commits.status());
    }
    return;
  }
  CachedRepo cached{repo, layout_.Repo(repo), 0, 0, WallTime(), {}};
  for (const std::string& name : *commits) {
    const auto commit = CommitId::Parse(name);
    if (commit.ok()) {
      ScanRevision(*commit, &cached);
    } else {
      Warn(layout_.Snapshots(repo) / name, "is not named by a commit: left out");
    }
  }
  auto refs = ReadRefs(layout_.Refs(repo));
  for (CachedRevision& revision : cached.revisions) {
    if (auto names = refs.extract(revision.commit.hex()); !names.empty())
      revision.refs = std::move(names.mapped());
  }
  for (const auto& [commit, names] : refs) {
    for (const std::string& name : names)
      Warn(layout_.Refs(repo) / name, fmt::format("points to {}, which has no snapshot", commit));
  }
  listing_.repos.push_back(std::move(cached));
}

// A pull that has its listing but no file yet, or failed before it had one: there is nothing to miss.
bool CacheScanner::HasOnlyBegun(const RepoId& repo) {
  const auto names = files_.List(layout_.Repo(repo));
  if (!names.ok() || std::ranges::find(*names, "trees") == names->end()) return false;
  if (std::ranges::find(*names, "refs") != names->end()) return false;
  const auto blobs = files_.List(layout_.Blobs(repo));
  return !blobs.ok() ||
         std::ranges::none_of(*blobs, [](const std::string& name) { return BlobId::Parse(name).ok(); });
}

void CacheScanner::ScanRevision(const CommitId& commit, CachedRepo* repo) {
  ++revision_number_;
  const Path snapshot = repo->path / "snapshots" / commit.hex();
  const auto info = files_.Info(snapshot);
  if (!info.ok()) return WarnError(snapshot, info.status());
  if (info->kind != Kind::kFolder) return Warn(snapshot, "is not a folder: left out");
  CachedRevision revision{commit, {}, 0, 0, WallTime()};
  Walk walk{*repo, revision, {snapshot}};
  while (!walk.pending.empty()) {
    const Path folder = std::move(walk.pending.back());
    walk.pending.pop_back();
    ScanFolder(folder, &walk);
  }
  if (revision.file_count == 0) revision.last_modified = info->modified;
  repo->revisions.push_back(std::move(revision));
}

void CacheScanner::ScanFolder(const Path& folder, Walk* walk) {
  const auto names = files_.List(folder);
  if (!names.ok()) return WarnError(folder, names.status());
  for (const std::string& name : *names) ScanEntry(folder / name, walk);
}

void CacheScanner::ScanEntry(const Path& path, Walk* walk) {
  auto info = files_.Info(path);
  if (!info.ok()) return WarnError(path, info.status());
  if (info->kind == Kind::kFolder) {
    walk->pending.push_back(path);
    return;
  }
  if (info->kind == Kind::kSymlink) {
    info = Follow(path);
    if (absl::IsNotFound(info.status())) return Warn(path, "is a link to a file that is not there");
    if (!info.ok()) return WarnError(path, info.status());
  }
  if (info->kind != Kind::kFile) return Warn(path, "is not a file: left out");
  Count(*info, walk);
}

void CacheScanner::Count(const FileInfo& file, Walk* walk) {
  CachedRevision& revision = walk->revision;
  ++revision.file_count;
  revision.last_modified = std::max(revision.last_modified, file.modified);
  walk->repo.last_access = std::max(walk->repo.last_access, file.accessed);
  Counted& counted = counted_[{file.device, file.inode}];
  if (counted.repo == 0) listing_.total_bytes += file.size_bytes;
  if (counted.repo != repo_number_) {
    walk->repo.size_bytes += file.size_bytes;
    ++walk->repo.file_count;
  }
  if (counted.revision != revision_number_) revision.size_bytes += file.size_bytes;
  counted = {repo_number_, revision_number_};
}

// Commit → the names of its refs.
std::map<std::string, std::vector<std::string>> CacheScanner::ReadRefs(const Path& refs) {
  std::map<std::string, std::vector<std::string>> by_commit;
  VisitRefs(files_, refs, [&](const std::string& name, const absl::StatusOr<std::string>& text) {
    const auto commit = text.ok() ? ParseRefText(*text) : std::nullopt;
    if (commit.has_value()) {
      by_commit[commit->hex()].push_back(name);
    } else if (text.ok() || absl::IsResourceExhausted(text.status())) {
      Warn(refs / name, "does not hold a commit: taken as no ref");
    } else {
      WarnError(refs / name, text.status());
    }
  });
  for (auto& [commit, names] : by_commit) std::sort(names.begin(), names.end());
  return by_commit;
}

// What the link leads to. The usual kind, to a file named relative to its folder, costs no open.
absl::StatusOr<FileInfo> CacheScanner::Follow(const Path& path) {
  ASSIGN_OR_RETURN(const std::string text, files_.ReadSymlink(path));
  auto target = files_.Info((path.parent_path() / text).lexically_normal());
  if (!target.ok() || target->kind != Kind::kSymlink) return target;
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files_.Open(path, OpenMode::kRead));
  return file->Info();
}

void CacheScanner::Warn(const Path& path, std::string_view what) {
  constexpr size_t kMostWarnings = 1'000;
  if (listing_.warnings.size() >= kMostWarnings) {
    ++unsaid_warnings_;
    return;
  }
  listing_.warnings.push_back(
      fmt::format("{} {}", Printable(path.lexically_relative(layout_.root()).native()), what));
}

void CacheScanner::WarnError(const Path& path, const absl::Status& status) {
  if (absl::IsNotFound(status)) return;  // removed while we looked
  Warn(path, fmt::format("cannot be read: {}", MessageOf(status)));
}

}  // namespace batuta::cache
