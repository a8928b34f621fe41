#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/io/file_system.h"
#include "common/types/blob_id.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/partial.h"

namespace batuta::cache {

// Where the bytes of a cached file lie: a blob, or a file in the snapshot itself (hub-protocol 4.7).
struct FilePlace {
  RepoId repo;
  std::string blob;                     // its name below blobs/; empty: in a snapshot
  std::optional<CommitId> commit = {};  // of that snapshot
  std::string path = {};                // below it
};

// What is wrong with a file.
struct Damage {
  FileInfo file;                  // as it was before it was read
  BlobId blob;                    // what it should be …
  uint64_t size_bytes = 0;        // … and how long that is
  std::vector<Extent> good = {};  // what of its bytes is right: sorted, disjoint, not touching
  PieceSums sums = {};            // of those pieces
};

// A file of a snapshot that is not to be seen any more.
struct WithdrawnFile {
  RepoId repo;
  CommitId commit;
  std::string path;

  friend bool operator==(const WithdrawnFile&, const WithdrawnFile&) = default;
};

struct Withdrawal {
  std::vector<WithdrawnFile> files;
  bool is_kept = false;  // as a partial file; else other names or other processes keep the bytes, or nobody
};

}  // namespace batuta::cache
