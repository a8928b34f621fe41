#include "daemon/transport/http_body.h"

#include <algorithm>
#include <cstring>

namespace batuta::transport {

absl::StatusOr<size_t> MemoryBody::Read(std::span<std::byte> out) {
  const size_t count = std::min(out.size(), bytes_.size() - next_);
  if (count > 0) std::memcpy(out.data(), bytes_.data() + next_, count);
  next_ += count;
  return count;
}

}  // namespace batuta::transport
