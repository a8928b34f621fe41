#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/layout.h"

namespace batuta::cache {

// A file of a snapshot, whoever put it there. The bytes are those that the link leads to.
struct SurveyedFile {
  std::string path;  // below the snapshot
  std::string
      blob;  // its name below blobs/; empty for a file in the snapshot itself, and for a link elsewhere
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  WallTime accessed;
  WallTime modified;
};

struct SurveyedSnapshot {
  CommitId commit;
  std::vector<std::string> refs = {};
  std::vector<SurveyedFile> files = {};
  std::vector<std::string> broken_links = {};  // paths
  WallTime modified = {};                      // of the folder itself
};

// A file in blobs/ that no snapshot leads to.
struct LooseFile {
  std::string name;
  uint64_t size_bytes = 0;  // see BytesOf()
  WallTime modified;
  bool is_unfinished = false;  // by its name: on its way in, or left by who brought it
};

// All there is of one repo.
struct RepoSurvey {
  std::vector<SurveyedSnapshot> snapshots;
  std::vector<std::string> bad_refs;  // names of refs that lead to no snapshot
  std::vector<LooseFile> loose;

  // What looks wrong, for people: "refs/old points to 3f1c…, which has no snapshot". At most 100, then a line
  // that says how many more.
  std::vector<std::string> warnings;
};

// Goes through a repo's folder: about two system calls a file. A repo that is not there has nothing. What
// vanishes meanwhile is passed over.
//   Errors: those of FileSystem other than kNotFound.
absl::StatusOr<RepoSurvey> SurveyRepo(const Layout& layout, FileSystem& files, const RepoId& repo);

// A text that changes when a blob, a snapshot, a file at the top of one, or a ref comes, goes or moves, at
// the cost of one system call for the repo and each snapshot and two for each ref. A link that comes into a
// folder below a snapshot to a blob that was there it does not see.
absl::StatusOr<std::string> FingerprintOfRepo(const Layout& layout, FileSystem& files, const RepoId& repo);

// Calls `visit` for each file below `refs`, at any depth, with its name and what it holds, which may be
// anything or an error; or for a folder that cannot be listed.
void VisitRefs(
    FileSystem& files, const std::filesystem::path& refs,
    absl::FunctionRef<void(const std::string& name, const absl::StatusOr<std::string>& text)> visit);

// How many bytes a file in blobs/ counts: its length; of one on its way in, which has holes, what is there.
uint64_t BytesOf(std::string_view name, const FileInfo& info);

// Does the name say that the file is on its way in (hub-protocol 4.4)?
bool IsUnfinishedName(std::string_view name);

}  // namespace batuta::cache
