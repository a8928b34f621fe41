#include "daemon/pull/cached_headers.h"

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "common/status/status.h"
#include "daemon/gguf/byte_source.h"
#include "daemon/gguf/header.h"
#include "daemon/pull/blob_sharing.h"

namespace batuta::pull {
namespace {

constexpr uint64_t kMostConfigBytes = 1 << 20;

class FileBytes final : public gguf::ByteSource {
 public:
  FileBytes(File& file, uint64_t size_bytes) : file_(file), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    ASSIGN_OR_RETURN(const size_t count, file_.ReadAt(offset, out));
    if (count == 0) return absl::DataLossError("it became shorter");
    return count;
  }

 private:
  File& file_;
  const uint64_t size_bytes_;
};

// Null where it is not here, or not known to be right.
std::unique_ptr<File> Open(const CachedFile& place) {
  auto file = place.cache.OpenPlace({.repo = place.repo, .blob = place.entry.blob.hex()});
  if (!file.ok()) {
    file = place.cache.OpenPlace(
        {.repo = place.repo, .blob = "", .commit = place.commit, .path = place.entry.path.text()});
  }
  if (!file.ok()) return nullptr;
  const auto info = (*file)->Info();
  const bool is_right = info.ok() && info->size_bytes == place.entry.size_bytes &&
                        IsKnownToBeRight(place.verified, *info, place.entry.blob);
  return is_right ? *std::move(file) : nullptr;
}

}  // namespace

std::optional<KnownHeader> ReadCachedHeader(const CachedFile& place) {
  const std::unique_ptr<File> file = Open(place);
  if (file == nullptr) return std::nullopt;
  FileBytes bytes(*file, place.entry.size_bytes);
  absl::StatusOr<gguf::Header> header = gguf::ReadHeader(bytes);
  if (!header.ok()) return std::nullopt;
  return KnownHeader{.header = *std::move(header), .has_tensors = true};
}

std::optional<KnownHeader> ReadCachedConfig(const CachedFile& place) {
  const std::unique_ptr<File> file = place.entry.size_bytes > kMostConfigBytes ? nullptr : Open(place);
  if (file == nullptr) return std::nullopt;
  KnownHeader known{.config = std::string(place.entry.size_bytes, '\0')};
  const auto count = file->ReadAt(0, std::as_writable_bytes(std::span(known.config)));
  if (!count.ok() || *count != place.entry.size_bytes) return std::nullopt;
  return known;
}

}  // namespace batuta::pull
