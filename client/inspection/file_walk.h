#pragma once

#include <filesystem>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace batuta::client {

// A file on the way through a folder.
struct WalkedFile {
  // Below the folder, with /; the last name of a file that was named itself. What is no UTF-8 in it is
  // escaped.
  std::string path;
  std::filesystem::path location;  // where to open it
};

// Every file of a folder and below, or the one file, in the order of names. Links to files are files, as in
// the snapshots of a cache; a folder is entered once, however many links lead to it. Folders `.git` are left
// out. `take` says false to stop.
//   kNotFound (ENTRY_NOT_FOUND)  there is no `root`. Else as ErrnoError() maps them; a folder that cannot be
//   read is one.
absl::Status WalkFiles(const std::filesystem::path& root,
                       absl::FunctionRef<bool(const WalkedFile& file)> take);

}  // namespace batuta::client
