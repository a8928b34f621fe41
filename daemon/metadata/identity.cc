#include "daemon/metadata/identity.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <sys/random.h>

#include "common/status/status.h"

namespace batuta::metadata {
namespace {

constexpr size_t kHexLength = 32;

absl::StatusOr<std::string> RandomHex() {
  std::array<uint8_t, kHexLength / 2> bytes{};
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (count < 0 && errno != EINTR) return ErrnoError(errno, "getrandom");
    if (count > 0) filled += static_cast<size_t>(count);
  }
  std::string hex;
  for (const uint8_t byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

absl::StatusOr<std::string> MadeOnce(MetadataStore& store, std::string_view key) {
  ASSIGN_OR_RETURN(const std::optional<std::string> kept, store.Get(Table::kMeta, key));
  if (kept.has_value()) {
    if (kept->size() == kHexLength && IsLowerHex(*kept)) return *kept;
    return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged,
                     fmt::format("the catalog holds an unusable {}", key),
                     "move the catalog folder aside and start again; the cache itself is not affected");
  }
  ASSIGN_OR_RETURN(std::string made, RandomHex());
  RETURN_IF_ERROR(Put(store, Table::kMeta, key, made, Durability::kPower));
  return made;
}

}  // namespace

absl::StatusOr<std::string> InstanceId(MetadataStore& store) {
  return MadeOnce(store, "instance_id");
}

absl::StatusOr<std::string> Salt(MetadataStore& store) {
  return MadeOnce(store, "salt");
}

}  // namespace batuta::metadata
