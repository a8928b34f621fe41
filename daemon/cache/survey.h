#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

  friend bool operator==(const LooseFile&, const LooseFile&) = default;
};

// A folder, or a ref, as it was when it was looked at. A name that comes, goes or moves changes the folder.
struct Stamp {
  std::string path;    // below the repo's folder
  uint64_t inode = 0;  // 0: it was not there
  WallTime modified;

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// All there is of one repo.
struct RepoSurvey {
  std::vector<Stamp>
      stamps;  // of blobs/, each folder of snapshots and refs, and each ref; taken before the look
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

// When anybody last made, named or removed something in the repo, wrote a ref, or wrote to a file on its way
// in.
WallTime LastWrite(const std::vector<Stamp>& stamps, const std::vector<LooseFile>& loose);

// Is everything that was stamped still as it was? Costs one system call a stamp. Then no name has come, gone
// or moved since, of a snapshot, file, ref or blob; what is written into a file that is there is not seen.
bool IsAsStamped(const Layout& layout, FileSystem& files, const RepoId& repo,
                 const std::vector<Stamp>& stamps);

// How many bytes a file in blobs/ counts: its length; of one on its way in, which has holes, what is there.
uint64_t BytesOf(std::string_view name, const FileInfo& info);

// Does the name say that the file is on its way in (hub-protocol 4.4)?
bool IsUnfinishedName(std::string_view name);

}  // namespace batuta::cache
