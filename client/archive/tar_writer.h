#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include <sys/types.h>

#include "common/time/clock.h"

struct archive;
struct archive_entry;

namespace batuta::client {

// TarWriter writes an archive that every tar reads: POSIX, with extended headers where a name or a size needs
// them. Entries belong to nobody in particular and are readable by all.
//
// Blocking; not thread-safe. Errors: kUnavailable (STORAGE_FAILED), kResourceExhausted (DISK_FULL), as the
// descriptor says; after one the archive is of no use.
class TarWriter {
 public:
  // `fd` is borrowed. `time`: of every entry.
  static absl::StatusOr<std::unique_ptr<TarWriter>> Create(int fd, WallTime time);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // Paths are relative and UTF-8.
  absl::Status Folder(const std::string& path);
  absl::Status Symlink(const std::string& path, const std::string& target);
  absl::Status File(const std::string& path, std::string_view content);

  // A file whose bytes follow by Append(), exactly so many.
  absl::Status BeginFile(const std::string& path, uint64_t size_bytes);
  absl::Status Append(std::span<const std::byte> bytes);

  // The end of the archive. Without it readers know that it was cut off.
  absl::Status Finish();

  // The length of the archive so far; whole after Finish(), which fills up its last record.
  uint64_t written_bytes() const { return written_bytes_; }

 private:
  TarWriter(archive* tar, archive_entry* entry, int fd, WallTime time)
      : tar_(tar), entry_(entry), fd_(fd), time_(time) {}

  // What libarchive hands over. It is told of no failure: after one it would leave its buffer behind.
  static ssize_t OnBytes(archive* tar, void* self, const void* bytes, size_t size);

  void Begin(const std::string& path, unsigned type, unsigned mode);
  absl::Status Checked(int result) const;

  archive* const tar_;
  archive_entry* const entry_;
  const int fd_;
  const WallTime time_;
  uint64_t written_bytes_ = 0;
  int error_number_ = 0;       // of the first write that failed; the rest is dropped
  bool is_abandoned_ = false;  // what comes now is the end of what has none
};

}  // namespace batuta::client
