#include "daemon/card/folder_view.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::card {

absl::StatusOr<std::string> ReadPart(gguf::ByteSource& file, uint64_t offset, size_t length) {
  if (offset >= file.size_bytes()) return std::string();
  std::string bytes(static_cast<size_t>(std::min<uint64_t>(length, file.size_bytes() - offset)), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    ASSIGN_OR_RETURN(const size_t got,
                     file.ReadAt(offset + done, std::as_writable_bytes(std::span(bytes)).subspan(done)));
    if (got == 0) break;
    done += got;
  }
  bytes.resize(done);
  return bytes;
}

absl::StatusOr<std::string> ReadWhole(FolderView& folder, std::string_view path, size_t limit_bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<gguf::ByteSource> file, folder.Open(path));
  if (file->size_bytes() > limit_bytes) {
    return absl::ResourceExhaustedError(
        fmt::format("larger than {}, and not read", FormatBytes(limit_bytes)));
  }
  return ReadPart(*file, 0, limit_bytes);
}

}  // namespace batuta::card
