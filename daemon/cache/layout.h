#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common/types/blob_id.h"
#include "common/types/repo_id.h"
#include "common/types/repo_path.h"
#include "common/types/revision.h"

namespace batuta::cache {

// Layout knows where everything of the shared cache lies (docs/on-disk-format.md). Pure: it never looks at
// the disk.
class Layout {
 public:
  using Path = std::filesystem::path;

  explicit Layout(Path root) : root_(std::move(root)) {}

  const Path& root() const { return root_; }

  Path Tag() const { return root_ / "CACHEDIR.TAG"; }

  Path Locks() const { return root_ / ".locks"; }

  Path Repo(const RepoId& repo) const { return root_ / repo.folder(); }

  Path Blobs(const RepoId& repo) const { return Repo(repo) / "blobs"; }

  Path Blob(const RepoId& repo, const BlobId& blob) const { return Blobs(repo) / blob.hex(); }

  Path Lock(const RepoId& repo, const BlobId& blob) const;

  Path Snapshots(const RepoId& repo) const { return Repo(repo) / "snapshots"; }

  Path Snapshot(const RepoId& repo, const CommitId& commit) const { return Snapshots(repo) / commit.hex(); }

  Path Refs(const RepoId& repo) const { return Repo(repo) / "refs"; }

  Path Ref(const RepoId& repo, const Revision& revision) const { return Refs(repo) / revision.text(); }

  Path Trees(const RepoId& repo) const { return Repo(repo) / "trees"; }

  Path Tree(const RepoId& repo, const CommitId& commit) const;

  Path NoExist(const RepoId& repo, const CommitId& commit) const {
    return Repo(repo) / ".no_exist" / commit.hex();
  }

 private:
  Path root_;
};

// The text of the symlink at `path` in a snapshot: relative, one more `..` for each folder on the way.
std::string LinkText(const RepoPath& path, const BlobId& blob);

// The name of a blob's partial file: `<blob>.<instance>.batuta-part`. `instance`: 8 hex characters that tell
// our files from those of another installation on the same cache.
std::string PartName(const BlobId& blob, std::string_view instance);

// The blob, when `name` is the partial file of one and of this instance.
std::optional<BlobId> BlobOfPartName(std::string_view name, std::string_view instance);

}  // namespace batuta::cache
