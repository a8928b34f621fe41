#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/folder/folder_entry.h"
#include "common/types/blob_id.h"
#include "common/types/repo_path.h"

namespace batuta::push {

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
