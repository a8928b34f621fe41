#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/types/blob_id.h"
#include "common/types/repo_path.h"

namespace batuta::push {

// By which a file is known again without being read: as long as none of it changes, neither do its bytes. The
// change time cannot be set by programs, so it tells also of a file whose modification time was put back.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;  // since 1970
  int64_t changed_ns = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// A regular file of the folder that is pushed.
struct LocalFile {
  RepoPath path;  // relative to the folder
  FileStamp stamp;
};

// The names of a file's bytes: as an LFS object, and as a regular file.
struct ContentId {
  BlobId sha256;
  std::optional<BlobId> git_sha1 = {};  // nothing: of a large file, for which nobody asked

  friend bool operator==(const ContentId&, const ContentId&) = default;
};

// Why a push cannot be, told before a byte is sent.
struct Objection {
  std::string path;  // empty: of the push as a whole
  std::string why;   // for a person, with what to do about it

  friend bool operator==(const Objection&, const Objection&) = default;
};

// What does not stand in the way of a push, and should be known before it.
struct Warning {
  std::string path;  // empty: of the push as a whole
  std::string text;  // for a person

  friend bool operator==(const Warning&, const Warning&) = default;
};

}  // namespace batuta::push
