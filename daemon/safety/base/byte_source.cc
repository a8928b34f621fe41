#include "daemon/safety/base/byte_source.h"

#include <algorithm>

#include "common/io/file_system.h"
#include "common/status/status.h"

namespace batuta::safety {

absl::Status MemorySource::Read(uint64_t offset, std::span<char> out) {
  bytes_.copy(out.data(), out.size(), offset);
  return absl::OkStatus();
}

absl::Status PartSource::Read(uint64_t offset, std::span<char> out) {
  return whole_.Read(offset_ + offset, out);
}

absl::Status FileSource::Read(uint64_t offset, std::span<char> out) {
  while (!out.empty()) {
    ASSIGN_OR_RETURN(const size_t count, file_.ReadAt(offset, std::as_writable_bytes(out)));
    if (count == 0) return absl::DataLossError("the file became shorter while it was inspected");
    out = out.subspan(count);
    offset += count;
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
