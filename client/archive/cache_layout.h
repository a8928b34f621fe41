#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "client/archive/tar_reader.h"
#include "common/types/blob_id.h"
#include "common/types/repo_id.h"
#include "common/types/repo_path.h"
#include "common/types/revision.h"

// Where things of a cache lie in an archive of it: exactly as they lie in the cache, so that `tar xf` makes
// one.
namespace batuta::client {

// What an entry of an archive is.
struct ArchivePlace {
  enum class Kind {
    kFolder,    // nothing by itself
    kSnapshot,  // the folder of a commit
    kLink,      // a file of a snapshot: `path` is `blob`
    kTree,      // the listing of a commit
    kRef,       // a branch or tag
    kBlob
  };

  Kind kind = Kind::kFolder;
  std::optional<RepoId> repo = {};  // all but some folders
  std::optional<CommitId> commit = {};
  std::optional<RepoPath> path = {};
  std::optional<Revision> ref = {};
  std::optional<BlobId> blob = {};
};

// Believes nothing: every part of the path must be one that the cache itself would write, and a link must
// lead to a blob of its own repo, in the one spelling there is.
//   kDataLoss (INVALID_PATH)  names the entry.
absl::StatusOr<ArchivePlace> PlaceOf(const TarReader::Entry& entry);

// The other way round; all relative to the root of the archive.
std::string SnapshotFolder(const RepoId& repo, std::string_view commit);
std::string LinkPath(const RepoId& repo, std::string_view commit, std::string_view path);
std::string LinkTarget(std::string_view path, std::string_view blob);
std::string TreePath(const RepoId& repo, std::string_view commit);
std::string RefPath(const RepoId& repo, std::string_view ref);
std::string BlobPath(const RepoId& repo, std::string_view blob);

}  // namespace batuta::client
