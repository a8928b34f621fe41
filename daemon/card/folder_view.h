#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/gguf/byte_source.h"

namespace batuta::card {

struct FolderFile {
  std::string path;  // relative, with `/`
  uint64_t size_bytes = 0;
};

// The folder that a card is for: whoever implements it decides which files there are and how they are opened
// (that nothing outside of the folder is, for one). One thread at a time; may block.
class FolderView {
 public:
  virtual ~FolderView() = default;

  // Its regular files, in any order; what lies beneath `.git` may be left out.
  virtual const std::vector<FolderFile>& Files() const = 0;

  // One of these, or a file beneath `.git`. The bytes are read while what is returned lives.
  //   kNotFound  there is none.
  virtual absl::StatusOr<std::unique_ptr<gguf::ByteSource>> Open(std::string_view path) = 0;
};

// The whole file.
//   kResourceExhausted  it is larger than `limit_bytes`; nothing was read.
//   Else those of opening and reading.
absl::StatusOr<std::string> ReadWhole(FolderView& folder, std::string_view path, size_t limit_bytes);

// The bytes from `offset` on; fewer than `length` at the end of the file.
absl::StatusOr<std::string> ReadPart(gguf::ByteSource& file, uint64_t offset, size_t length);

}  // namespace batuta::card
