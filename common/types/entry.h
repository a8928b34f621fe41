#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/types/blob_id.h"
#include "common/types/repo_path.h"
#include "common/types/revision.h"

namespace batuta {

// Entry is one file in the tree of a commit.
struct Entry {
  RepoPath path;
  uint64_t size_bytes = 0;
  BlobId blob;  // sha256 for LFS and Xet files, git sha1 for regular ones
  std::string git_oid =
      {};  // of the git object, 40 hex: for LFS and Xet files that of the pointer; empty when not known

  friend bool operator==(const Entry&, const Entry&) = default;
};

// Tree is every file of one commit, in the hub's order.
struct Tree {
  CommitId commit;
  std::vector<Entry> entries;
};

}  // namespace batuta
