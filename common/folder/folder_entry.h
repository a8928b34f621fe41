#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace batuta {

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

// What lies at one place in a folder.
enum class FolderEntryKind : uint8_t {
  kFile,        // regular, or a symlink to one inside the folder
  kFolder,      // never by a symlink
  kUnreadable,  // a file that may not be read
  kDeadLink,    // a symlink that cannot be followed, or leads out of the folder
  kFolderLink,  // a symlink to a folder
  kPipe,
  kSocket,
  kDevice,
  kOther,
};

inline constexpr int kFolderEntryKinds = 9;

struct FolderEntry {
  std::string name;
  FolderEntryKind kind = FolderEntryKind::kOther;
  int error_number = 0;  // of a kDeadLink: why; EXDEV: it leads outside
  FileStamp stamp = {};  // of a kFile, where it is a symlink of what that leads to

  friend bool operator==(const FolderEntry&, const FolderEntry&) = default;
};

// What a folder was found to hold.
struct FolderNames {
  int error_number = 0;                   // not 0: it cannot be listed
  std::vector<FolderEntry> entries = {};  // sorted by name
};

}  // namespace batuta
