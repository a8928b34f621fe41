#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"

struct archive;

namespace batuta::client {

// TarReader reads an archive that anybody may have made, entry by entry, from a file or a pipe. Not
// compressed.
//
// Blocking; not thread-safe. Errors common to all: kDataLoss, no reason  it is no archive, damaged, or cut
// off; kUnavailable (STORAGE_FAILED)  it cannot be read.
class TarReader {
 public:
  struct Entry {
    enum class Kind { kFolder, kFile, kSymlink };

    Kind kind = Kind::kFile;
    std::string path;    // as it is written there
    std::string target;  // of a symlink
    uint64_t size_bytes = 0;
  };

  // `fd` is borrowed.
  static absl::StatusOr<std::unique_ptr<TarReader>> Create(int fd);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next entry; nothing after the last one. What is neither file, folder nor symlink (hard links, devices
  // …) is an error.
  absl::StatusOr<std::optional<Entry>> Next();

  // The next bytes of the file that Next() gave; fewer than asked only at its end.
  absl::StatusOr<size_t> Read(std::span<std::byte> bytes);

 private:
  explicit TarReader(archive* tar) : tar_(tar) {}

  absl::Status Broken() const;

  archive* const tar_;
  uint64_t end_of_entry_ = 0;  // where the next one begins
};

}  // namespace batuta::client
