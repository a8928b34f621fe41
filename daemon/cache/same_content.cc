#include "daemon/cache/same_content.h"

#include <algorithm>

#include "common/status/status.h"
#include "daemon/cache/disk_error.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;
using Kind = FileInfo::Kind;

constexpr std::string_view kExtension = ".json";

}  // namespace

absl::StatusOr<std::optional<Path>> SameContent::Find(const RepoId& repo, const BlobId& blob,
                                                      uint64_t size_bytes) {
  const auto names = files_.List(layout_.Trees(repo));
  if (SaysAbsent(names.status())) return std::nullopt;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!name.ends_with(kExtension)) continue;
    const auto commit = CommitId::Parse(name.substr(0, name.size() - kExtension.size()));
    if (!commit.ok()) continue;
    ASSIGN_OR_RETURN(const auto index, IndexOf(repo, *commit));
    auto entry = std::lower_bound(
        index->begin(), index->end(), blob,
        [](const Entry& candidate, const BlobId& wanted) { return candidate.blob < wanted; });
    for (; entry != index->end() && entry->blob == blob; ++entry) {
      const Path place = layout_.Snapshot(repo, *commit) / entry->path.text();
      const auto info = files_.Info(place);
      if (info.ok() && info->kind == Kind::kFile && info->size_bytes == size_bytes) return place;
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::shared_ptr<const SameContent::Index>> SameContent::IndexOf(const RepoId& repo,
                                                                               const CommitId& commit) {
  constexpr size_t kMostIndices = 4;
  const Path key = layout_.Tree(repo, commit);
  {
    MutexLock lock(mutex_);
    if (const auto known = indices_.find(key); known != indices_.end()) return known->second;
  }
  ASSIGN_OR_RETURN(std::optional<Tree> tree, reader_.ReadTree(repo, commit));
  Index entries = tree.has_value() ? std::move(tree->entries) : Index();
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.blob < b.blob; });
  auto index = std::make_shared<const Index>(std::move(entries));
  MutexLock lock(mutex_);
  // A listing that is not there yet may come.
  if (tree.has_value()) {
    if (indices_.size() >= kMostIndices) indices_.clear();
    indices_.emplace(key, index);
  }
  return index;
}

}  // namespace batuta::cache
