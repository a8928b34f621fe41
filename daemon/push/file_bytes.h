#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"

#include "common/io/unique_fd.h"
#include "daemon/push/local_file.h"
#include "daemon/safety/base/byte_source.h"

struct stat;

namespace batuta::push {

FileStamp StampOf(const struct stat& stat);

// kAborted (FILE_CHANGED): "PATH how".
absl::Status FileChangedError(const RepoPath& path, std::string_view how);

// The bytes of one file of a folder, opened as it was when it was listed. Reading blocks; Read() of several
// threads may run side by side, on the offsets that they like.
class FileBytes final : public safety::ByteSource {
 public:
  // `descriptor` is of the regular file that `file` tells of.
  FileBytes(UniqueFd descriptor, LocalFile file);

  const RepoPath& path() const { return file_.path; }

  const FileStamp& stamp() const { return file_.stamp; }

  uint64_t size_bytes() const override { return file_.stamp.size_bytes; }

  // Nothing but what the stamp is of: who sends what is read sends no byte that was written since.
  //   kAborted (FILE_CHANGED)
  //   kUnavailable (STORAGE_FAILED)  the disk could not be read.
  absl::Status Read(uint64_t offset, std::span<char> out) override;

  // Is it still what it was? After OK, what was read before came from the file that the stamp is of.
  //   kAborted (FILE_CHANGED)
  absl::Status CheckUnchanged() const;

  // Borrowed, for whoever reads in ways of their own.
  int descriptor() const { return descriptor_.get(); }

 private:
  absl::Status ReadAll(uint64_t offset, std::span<char> out);

  UniqueFd descriptor_;
  LocalFile file_;
};

}  // namespace batuta::push
