#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/root_listing.h"

namespace batuta::cache {

// The size of the file at `path`, following symlinks; nothing when there is none.
absl::StatusOr<std::optional<uint64_t>> SizeOf(FileSystem& files, const std::filesystem::path& path);

// The commit in a ref's text; blanks around it are tolerated, since some tools end the line.
std::optional<CommitId> ParseRefText(std::string_view text);

// CacheReader answers the reading half of Cache. Thread-safe.
class CacheReader {
 public:
  CacheReader(const Layout& layout, FileSystem& files) : layout_(layout), files_(files) {}

  absl::StatusOr<std::optional<CommitId>> ReadRef(const RepoId& repo, const Revision& revision) const;
  absl::StatusOr<std::optional<Tree>> ReadTree(const RepoId& repo, const CommitId& commit) const;
  absl::StatusOr<std::optional<Tree>> ReadSnapshot(const RepoId& repo, const CommitId& commit) const;
  absl::StatusOr<std::vector<bool>> ArePresent(const RepoId& repo, const CommitId& commit,
                                               const std::vector<Entry>& entries) const;

  // Does the entry's place in the snapshot lead to its blob, or hold a file of its size? Looks at the last
  // component only.
  absl::StatusOr<bool> IsInPlace(const RepoId& repo, const CommitId& commit, const Entry& entry) const;

  // A missing root has nothing.
  absl::StatusOr<RootListing> ListRoot() const;

  absl::StatusOr<SpaceInfo> Space() const { return files_.Space(layout_.root()); }

 private:
  absl::StatusOr<std::optional<Entry>> EntryAt(const RepoId& repo, const std::filesystem::path& place,
                                               const RepoPath& path) const;

  const Layout& layout_;
  FileSystem& files_;
};

}  // namespace batuta::cache
