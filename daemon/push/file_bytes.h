#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

#include "daemon/push/local_file.h"
#include "daemon/push/sent_bytes.h"

namespace batuta::push {

// kAborted (FILE_CHANGED): "PATH how".
absl::Status FileChangedError(const RepoPath& path, std::string_view how);

// The bytes of one file of a folder, opened as it was when it was listed. Reading blocks; Read() of several
// threads may run side by side, on the offsets that they like.
class FileBytes : public SentBytes {
 public:
  explicit FileBytes(LocalFile file) : file_(std::move(file)) {}

  const RepoPath& path() const { return file_.path; }

  const FileStamp& stamp() const { return file_.stamp; }

  uint64_t size_bytes() const override { return file_.stamp.size_bytes; }

  // Read() gives nothing but what the stamp is of: who sends what is read sends no byte that was written
  // since.
  //   kAborted (FILE_CHANGED)
  //   kUnavailable (STORAGE_FAILED)  the disk could not be read.
  //   IsClientGone()     the client that serves it is gone.

  // Is it still what it was? After OK, what was read before came from the file that the stamp is of.
  //   kAborted (FILE_CHANGED), IsClientGone()
  virtual absl::Status CheckUnchanged() const = 0;

  // It will be read from its first to its last byte.
  virtual void ExpectAll() {}

 private:
  const LocalFile file_;
};

}  // namespace batuta::push
