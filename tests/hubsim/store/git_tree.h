// Builds commits the way git does: real blob, tree and commit ids, LFS pointers where the hub would use LFS.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "tests/hubsim/store/repo.h"

namespace batuta::hubsim {

// The pointer file that git holds in place of an LFS object.
std::string LfsPointer(const Sha256Digest& sha256, std::uint64_t size);

// Decides between LFS and a regular blob as the hub does: `.gitattributes` first, then size, then the look of
// the first 512 bytes. Empty files are always regular.
class LfsRule {
 public:
  // `attributes` is the text of `.gitattributes`; `threshold` the size from which a file is LFS in any case.
  LfsRule(std::string_view attributes, std::uint64_t threshold);

  bool IsTracked(std::string_view path) const;  // by an attribute line
  bool WantsLfs(std::string_view path, std::uint64_t size, std::string_view sample) const;

 private:
  std::vector<std::string> patterns_;
  std::uint64_t threshold_;
};

// The whole `.gitattributes` of `tree`, or nothing.
std::string AttributesOf(const Tree& tree);

Node RegularNode(ContentPtr content, const Sha1Digest& blob_id);
Node LfsNode(ContentPtr content, const Sha256Digest& sha256);

// Whether the hub takes a file of that path.
//   kInvalidArgument  it is empty, absolute, has an empty, "." or ".." piece, one named .git, one longer than
//   255 bytes, or a control character or backslash; or it is longer than 4,096 bytes.
absl::Status CheckRepoPath(std::string_view path);

// What one commit does to the files of its parent.
struct TreeChange {
  std::map<std::string, Node> files = {};  // added or replaced
  std::set<std::string> deleted_files = {};
  std::set<std::string> deleted_folders = {};  // without trailing slash
};

struct CommitFacts {
  std::string parent = {};  // commit id; empty for the first one
  std::string title = {};
  std::string message = {};
  std::string date = {};
  std::string author = {};
};

// Appends the commit to repo.commits (no ref is moved) and returns its id, which follows from content and
// facts alone.
//   kNotFound         a deleted path is not there.
//   kInvalidArgument  a path is refused by CheckRepoPath or is file and folder at once, or a folder would
//   have more than `most_in_folder` entries.
absl::StatusOr<std::string> AppendCommit(Repo& repo, const CommitFacts& facts, TreeChange change,
                                         std::size_t most_in_folder = SIZE_MAX);

}  // namespace batuta::hubsim
