#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "batuta/v1/types.pb.h"

namespace batuta::client {

// What a lock file says of one repo: the commit, and every file that was taken with its content.
struct LockedRepo {
  v1::RepoId repo;
  std::string revision;  // what the commit was resolved from: for people
  std::string commit;
  std::vector<v1::Entry> files;  // by path
};

// A lock file holds any number of repos, so that a project needs one. JSON, sorted by type, repo and path,
// one file a line, so that its changes read well in a review:
//   {"version":1,"repos":[{"type","repo","revision","commit","files":[{"path","size_bytes","blob"}]}]}
class LockFile {
 public:
  //   kInvalidArgument (INVALID_ARGUMENT)  it is no lock file; the message says where.
  //   kNotFound, kPermissionDenied …       it cannot be read, see ErrnoError().
  static absl::StatusOr<LockFile> Read(const std::filesystem::path& path);

  // Pure. `name` is for messages.
  static absl::StatusOr<LockFile> Parse(const std::string& text, const std::string& name);

  // Null when the repo is not locked.
  const LockedRepo* Find(const v1::RepoId& repo) const;

  // Replaces what it said of that repo.
  void Put(LockedRepo locked);

  std::string Text() const;

  // In one step: others see the old file or the new one. A link stays one: what it points to is replaced.
  absl::Status Write(const std::filesystem::path& path) const;

  // Replaces what the file says of that repo, or makes the file; others who do so at the same time wait (for
  // milliseconds), so that nobody's change is lost. Errors: as Read() and Write(), but for kNotFound when the
  // folder is missing.
  static absl::Status Update(const std::filesystem::path& path, LockedRepo locked);

 private:
  std::vector<LockedRepo> repos_;  // by type and id
};

}  // namespace batuta::client
