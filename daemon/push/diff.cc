#include "daemon/push/diff.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "common/text/glob.h"
#include "common/text/human.h"

namespace batuta::push {
namespace {

using Kind = FileChange::Kind;
using ByPath = std::unordered_map<std::string_view, const Entry*>;

bool IsLfs(const Entry& entry) {
  return entry.blob.kind() == BlobId::Kind::kSha256;
}

ByPath EntriesOf(const Tree* tree) {
  ByPath entries;
  if (tree == nullptr) return entries;
  entries.reserve(tree->entries.size());
  for (const Entry& entry : tree->entries) entries.emplace(entry.path.text(), &entry);
  return entries;
}

const Entry* Find(const ByPath& entries, const std::string& path) {
  const auto found = entries.find(path);
  return found == entries.end() ? nullptr : found->second;
}

bool IsSame(const Entry& entry, const LocalFile& file, const std::optional<ContentId>& id) {
  if (entry.size_bytes != file.stamp.size_bytes || !id.has_value()) return false;
  return IsLfs(entry) ? id->sha256 == entry.blob : id->git_sha1 == entry.blob;
}

// Calls `visit` with each folder that `path` lies in, the outermost first.
template <typename Visit>
void ForEachFolder(std::string_view path, Visit visit) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    visit(path.substr(0, slash));
  }
}

// What the folder has, and does not give.
class Ignored {
 public:
  explicit Ignored(const std::vector<IgnoredPath>& paths) {
    for (const IgnoredPath& ignored : paths) paths_.insert(ignored.path);
  }

  bool Has(std::string_view path) const {
    if (paths_.empty()) return false;
    if (paths_.contains(path)) return true;
    bool has = false;
    ForEachFolder(path, [&](std::string_view folder) {
      has = has || paths_.contains({folder.data(), folder.size() + 1});  // with its `/`
    });
    return has;
  }

 private:
  std::unordered_set<std::string_view> paths_;
};

bool MatchesAny(const std::vector<std::string>& globs, std::string_view path) {
  return std::any_of(globs.begin(), globs.end(),
                     [path](const std::string& glob) { return MatchesGlob(glob, path); });
}

// One comparison. Everything borrowed outlives it.
class Comparison {
 public:
  Comparison(const FolderListing& local, const Tree* remote) : local_(local), remote_(remote) {
    remote_by_path_ = EntriesOf(remote);
    local_paths_.reserve(local.files.size());
    for (const LocalFile& file : local.files) local_paths_.insert(file.path.text());
  }

  Diff Make(const std::vector<std::optional<ContentId>>& ids, const std::vector<std::string>& delete_globs) {
    TakeDeletions(delete_globs);
    TakeFiles(ids);
    std::sort(diff_.files.begin(), diff_.files.end(),
              [](const FileChange& a, const FileChange& b) { return a.path < b.path; });
    ObjectToFilesForFolders();
    return std::move(diff_);
  }

 private:
  void TakeDeletions(const std::vector<std::string>& globs) {
    if (remote_ == nullptr || globs.empty()) return;
    if (local_.is_one_file) {
      diff_.objections.push_back(
          {.path = "",
           .why = "--delete takes away what a folder has not, and this is one file: push the folder, or push "
                  "without --delete"});
      return;
    }
    if (local_.ignored_left_out > 0) {
      diff_.objections.push_back(
          {.path = "",
           .why = fmt::format("the folder has {} ignored files, too many to tell which remote files are "
                              "theirs: push without --delete, or ignore whole folders",
                              local_.ignored.size() + local_.ignored_left_out)});
      return;
    }
    const Ignored ignored(local_.ignored);
    for (const Entry& entry : remote_->entries) {
      const std::string& path = entry.path.text();
      if (local_paths_.contains(path) || !MatchesAny(globs, path)) continue;
      if (entry.path.name() == ".gitattributes" || ignored.Has(path)) continue;
      deleted_.insert(path);
      diff_.files.push_back(
          {.path = entry.path, .kind = Kind::kDeleted, .size_bytes = entry.size_bytes, .remote = entry.blob});
    }
    // A disk that is not mounted looks so.
    if (local_.files.empty() && !deleted_.empty()) {
      diff_.objections.push_back(
          {.path = "",
           .why = fmt::format("the folder holds no file to push, and --delete would take {} out of the repo: "
                              "is it the right folder? With one file in it that is done",
                              deleted_.size())});
    }
  }

  void TakeFiles(const std::vector<std::optional<ContentId>>& ids) {
    const Sources sources = SourcesOf();
    std::unordered_set<std::string_view> moved;  // each is moved to one place, and copied to the others
    for (size_t i = 0; i < local_.files.size(); ++i) {
      const LocalFile& file = local_.files[i];
      const Entry* entry = Find(remote_by_path_, file.path.text());
      FileChange change{
          .path = file.path, .kind = Kind::kAdded, .size_bytes = file.stamp.size_bytes, .file = i};
      if (entry != nullptr) {
        change.kind = IsSame(*entry, file, ids[i]) ? Kind::kUnchanged : Kind::kModified;
        change.remote = entry->blob;
      }
      if (change.kind != Kind::kUnchanged && ids[i].has_value()) {
        SetSource(sources, ids[i]->sha256, moved, change);
      }
      diff_.files.push_back(std::move(change));
    }
  }

  using Sources = std::unordered_map<std::string_view, std::vector<const Entry*>>;

  // Remote LFS files by their bytes, in the order of their paths.
  Sources SourcesOf() const {
    Sources sources;
    if (remote_ == nullptr) return sources;
    for (const Entry& entry : remote_->entries) {
      if (IsLfs(entry)) sources[entry.blob.hex()].push_back(&entry);
    }
    for (auto& [blob, entries] : sources) {
      std::sort(entries.begin(), entries.end(),
                [](const Entry* a, const Entry* b) { return a->path < b->path; });
    }
    return sources;
  }

  void SetSource(const Sources& sources, const BlobId& blob, std::unordered_set<std::string_view>& moved,
                 FileChange& change) const {
    const auto found = sources.find(blob.hex());
    if (found == sources.end()) return;
    const std::vector<const Entry*>& entries = found->second;
    const auto may_move = [&](const Entry* entry) {
      return deleted_.contains(entry->path.text()) && !moved.contains(entry->path.text());
    };
    const auto moving = std::find_if(entries.begin(), entries.end(), may_move);
    change.is_move = moving != entries.end();
    change.copy_of = change.is_move ? (*moving)->path : entries.front()->path;
    if (change.is_move) moved.insert((*moving)->path.text());
  }

  // A tree cannot have both.
  void ObjectToFilesForFolders() {
    if (remote_ == nullptr) return;
    std::unordered_map<std::string_view, std::string_view> remote_folders;  // and a file in each
    for (const Entry& entry : remote_->entries) {
      if (deleted_.contains(entry.path.text())) continue;
      ForEachFolder(entry.path.text(),
                    [&](std::string_view folder) { remote_folders.emplace(folder, entry.path.text()); });
    }
    std::set<std::string_view> in_the_way;  // remote files where there is a folder here
    for (const LocalFile& file : local_.files) {
      const std::string& path = file.path.text();
      if (const auto folder = remote_folders.find(path); folder != remote_folders.end()) {
        diff_.objections.push_back(
            {.path = path,
             .why =
                 fmt::format("is a file here and a folder in the repo, with {} in it: rename it, or delete "
                             "that folder there with --delete '{}/*'",
                             Quoted(folder->second), path)});
      }
      ForEachFolder(path, [&](std::string_view folder) {
        const Entry* entry = Find(remote_by_path_, std::string(folder));
        if (entry != nullptr && !deleted_.contains(folder)) in_the_way.insert(entry->path.text());
      });
    }
    for (const std::string_view path : in_the_way) {
      diff_.objections.push_back(
          {.path = std::string(path),
           .why = fmt::format("is a folder here and a file in the repo: rename it, or delete that file there "
                              "with --delete '{}'",
                              path)});
    }
  }

  const FolderListing& local_;
  const Tree* const remote_;
  ByPath remote_by_path_;
  std::unordered_set<std::string_view> local_paths_;
  std::unordered_set<std::string_view> deleted_;
  Diff diff_;
};

}  // namespace

std::vector<NeededId> NeededIds(const std::vector<LocalFile>& files, const Tree* remote) {
  std::vector<NeededId> needed(files.size(), NeededId::kNone);
  if (remote == nullptr) return needed;
  const ByPath entries = EntriesOf(remote);
  std::unordered_set<uint64_t> lfs_sizes;
  for (const Entry& entry : remote->entries) {
    if (IsLfs(entry)) lfs_sizes.insert(entry.size_bytes);
  }
  for (size_t i = 0; i < files.size(); ++i) {
    const Entry* entry = Find(entries, files[i].path.text());
    const bool may_be_same = entry != nullptr && entry->size_bytes == files[i].stamp.size_bytes;
    if (may_be_same && !IsLfs(*entry)) {
      needed[i] = NeededId::kBoth;
    } else if (may_be_same || lfs_sizes.contains(files[i].stamp.size_bytes)) {
      needed[i] = NeededId::kSha256;
    }
  }
  return needed;
}

bool Diff::is_empty() const {
  return std::all_of(files.begin(), files.end(),
                     [](const FileChange& change) { return change.kind == Kind::kUnchanged; });
}

Diff Compare(const FolderListing& local, const std::vector<std::optional<ContentId>>& ids, const Tree* remote,
             const std::vector<std::string>& delete_globs) {
  return Comparison(local, remote).Make(ids, delete_globs);
}

}  // namespace batuta::push
