#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/types/entry.h"
#include "common/types/repo_path.h"
#include "daemon/push/folder.h"
#include "daemon/push/local_file.h"

namespace batuta::push {

// Which names of a file's bytes a comparison needs.
enum class NeededId {
  kNone,    // what there is says enough: no remote file has its size
  kSha256,  // the remote file of its path, or some other, may be the same LFS object
  kBoth,    // the remote file of its path may be the same regular file
};

// For each file, what must be known of its bytes before Compare(). `remote` is null when there is nothing
// yet. Pure.
std::vector<NeededId> NeededIds(const std::vector<LocalFile>& files, const Tree* remote);

struct FileChange {
  enum class Kind { kAdded, kModified, kUnchanged, kDeleted };

  RepoPath path;
  Kind kind = Kind::kAdded;
  uint64_t size_bytes = 0;               // of what is deleted: what it had
  std::optional<size_t> file = {};       // in the list of local files; nothing: it is deleted
  std::optional<BlobId> remote = {};     // what the repo has at that path
  std::optional<RepoPath> copy_of = {};  // a remote LFS file with the same bytes: they need not be sent
  bool is_move = false;                  // and that one is deleted by this push

  friend bool operator==(const FileChange&, const FileChange&) = default;
};

struct Diff {
  std::vector<FileChange> files;      // sorted by path
  std::vector<Objection> objections;  // a file where the repo has a folder, deletions by mistake

  // Nothing to be done?
  bool is_empty() const;
};

// Local files against the commit they shall follow. `ids` go with the files one to one; a file whose bytes
// have no name where one was needed counts as changed. A remote file that the folder has not, and that one of
// `delete_globs` (common/text/glob.h) matches, is deleted; never .gitattributes, and never what the folder
// ignores. A single file deletes nothing, nor does an empty folder. `remote` is null when there is nothing
// yet. Pure.
Diff Compare(const FolderListing& local, const std::vector<std::optional<ContentId>>& ids, const Tree* remote,
             const std::vector<std::string>& delete_globs);

}  // namespace batuta::push
