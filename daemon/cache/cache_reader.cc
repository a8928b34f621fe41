#include "daemon/cache/cache_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string_view>

#include "common/status/status.h"
#include "daemon/cache/disk_error.h"
#include "daemon/cache/folders.h"
#include "daemon/cache/tree_parser.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;
using Kind = FileInfo::Kind;

// What may lie at the root besides repos without a word.
bool IsExpectedAtRoot(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {".locks", "CACHEDIR.TAG", ".DS_Store", "Thumbs.db",
                                                      "desktop.ini"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Remembers which folders of a snapshot were looked at, so that files side by side cost one look.
class FolderMemory {
 public:
  FolderMemory(FileSystem& files, const Path& base) : files_(files), base_(base) {}

  // False also where a symlink or a file stands on the way: nothing below it is ours.
  absl::StatusOr<bool> LeadsTo(const RepoPath& path) {
    const std::string folder = path.text().substr(0, path.text().size() - path.name().size());
    const auto known = known_.find(folder);
    if (known != known_.end()) return known->second;
    auto is_there = CheckRealFolders(files_, FoldersOnTheWay(base_, path.text()));
    if (absl::IsDataLoss(is_there.status())) is_there = false;
    if (is_there.ok()) known_.emplace(folder, *is_there);
    return is_there;
  }

 private:
  FileSystem& files_;
  const Path& base_;
  std::map<std::string, bool> known_;
};

}  // namespace

std::optional<CommitId> ParseRefText(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return std::nullopt;
  auto commit = CommitId::Parse(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
  if (!commit.ok()) return std::nullopt;
  return *std::move(commit);
}

absl::StatusOr<std::optional<uint64_t>> SizeOf(FileSystem& files, const Path& path) {
  auto info = files.Info(path);
  if (info.ok() && info->kind == Kind::kSymlink) {
    // Some people move blobs elsewhere and leave a symlink.
    const auto file = files.Open(path, OpenMode::kRead);
    info = file.ok() ? (*file)->Info() : file.status();
  }
  if (SaysAbsent(info.status())) return std::nullopt;
  if (!info.ok()) return info.status();
  if (info->kind != Kind::kFile) return std::nullopt;
  return info->size_bytes;
}

absl::StatusOr<std::optional<CommitId>> CacheReader::ReadRef(const RepoId& repo,
                                                             const Revision& revision) const {
  if (auto commit = revision.AsCommit(); commit.has_value()) return commit;
  // The Python library rewrites refs in place, so there are moments in which one is empty.
  constexpr int kMostTries = 3;
  constexpr uint64_t kLimitBytes = 4 << 10;
  for (int i = 0; i < kMostTries; ++i) {
    const auto text = ReadSmallFile(files_, layout_.Ref(repo, revision), kLimitBytes);
    if (SaysAbsent(text.status()) || absl::IsResourceExhausted(text.status())) return std::nullopt;
    if (!text.ok()) return text.status();
    if (auto commit = ParseRefText(*text); commit.has_value()) return commit;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Tree>> CacheReader::ReadTree(const RepoId& repo, const CommitId& commit) const {
  const auto file = files_.Open(layout_.Tree(repo, commit), OpenMode::kRead);
  if (SaysAbsent(file.status())) return std::nullopt;
  if (!file.ok()) return file.status();
  ASSIGN_OR_RETURN(auto entries, ParseTree(**file));
  if (!entries.has_value()) return std::nullopt;
  return Tree{commit, *std::move(entries)};
}

absl::StatusOr<std::optional<Tree>> CacheReader::ReadSnapshot(const RepoId& repo,
                                                              const CommitId& commit) const {
  const Path snapshot = layout_.Snapshot(repo, commit);
  const auto info = files_.Info(snapshot);
  if (SaysAbsent(info.status()) || (info.ok() && info->kind != Kind::kFolder)) return std::nullopt;
  if (!info.ok()) return info.status();
  Tree tree{commit, {}};
  std::vector<std::string> pending = {""};  // folders below the snapshot, each with its `/`
  while (!pending.empty()) {
    const std::string folder = std::move(pending.back());
    pending.pop_back();
    const auto names = files_.List(snapshot / folder);
    if (SaysAbsent(names.status())) continue;  // removed while we looked
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const auto path = RepoPath::Parse(folder + name);
      if (!path.ok()) continue;
      const auto found = files_.Info(snapshot / path->text());
      if (SaysAbsent(found.status())) continue;
      if (!found.ok()) return found.status();
      if (found->kind == Kind::kFolder) pending.push_back(path->text() + "/");
      if (found->kind != Kind::kSymlink) continue;
      ASSIGN_OR_RETURN(std::optional<Entry> entry, EntryAt(repo, snapshot / path->text(), *path));
      if (entry.has_value()) tree.entries.push_back(*std::move(entry));
    }
  }
  std::sort(tree.entries.begin(), tree.entries.end(),
            [](const Entry& a, const Entry& b) { return a.path < b.path; });
  return tree;
}

absl::StatusOr<RootListing> CacheReader::ListRoot() const {
  RootListing listing;
  const auto names = files_.List(layout_.root());
  if (SaysAbsent(names.status())) return listing;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    auto repo = RepoId::FromFolder(name);
    if (repo.ok()) {
      listing.repos.push_back(*std::move(repo));
    } else if (!IsExpectedAtRoot(name)) {
      listing.strays.push_back(name);
    }
  }
  return listing;
}

// What the symlink at `place` says of the file, when it leads to a blob of the repo.
absl::StatusOr<std::optional<Entry>> CacheReader::EntryAt(const RepoId& repo, const Path& place,
                                                          const RepoPath& path) const {
  const auto text = files_.ReadSymlink(place);
  if (SaysAbsent(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  const Path target = (place.parent_path() / *text).lexically_normal();
  auto blob = BlobId::Parse(target.filename().native());
  if (!blob.ok() || target != layout_.Blob(repo, *blob)) return std::nullopt;
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size_bytes, SizeOf(files_, target));
  if (!size_bytes.has_value()) return std::nullopt;
  const std::string git_oid = blob->kind() == BlobId::Kind::kGitSha1 ? blob->hex() : std::string();
  return Entry{path, *size_bytes, *std::move(blob), git_oid};
}

absl::StatusOr<std::vector<bool>> CacheReader::ArePresent(const RepoId& repo, const CommitId& commit,
                                                          const std::vector<Entry>& entries) const {
  std::vector<bool> are_present(entries.size(), false);
  const Path snapshot = layout_.Snapshot(repo, commit);
  FolderMemory folders(files_, snapshot);
  for (size_t i = 0; i < entries.size(); ++i) {
    ASSIGN_OR_RETURN(const bool can_be_there, folders.LeadsTo(entries[i].path));
    if (!can_be_there) continue;
    ASSIGN_OR_RETURN(const bool is_there, IsInPlace(repo, commit, entries[i]));
    are_present[i] = is_there;
  }
  return are_present;
}

absl::StatusOr<bool> CacheReader::IsInPlace(const RepoId& repo, const CommitId& commit,
                                            const Entry& entry) const {
  const Path place = layout_.Snapshot(repo, commit) / entry.path.text();
  const auto text = files_.ReadSymlink(place);
  if (ErrnoOf(text.status()) == EINVAL) {
    // Not a symlink: a file, as the Python library makes them where there are no symlinks.
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size_bytes, SizeOf(files_, place));
    return size_bytes == entry.size_bytes;
  }
  if (SaysAbsent(text.status())) return false;
  if (!text.ok()) return text.status();
  const Path blob = layout_.Blob(repo, entry.blob);
  // The usual text first; others may spell the same place in another way.
  if (*text != LinkText(entry.path, entry.blob) && (place.parent_path() / *text).lexically_normal() != blob)
    return false;
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size_bytes, SizeOf(files_, blob));
  return size_bytes == entry.size_bytes;
}

}  // namespace batuta::cache
