#include "daemon/secrets/tensor_file.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

#include "common/status/status.h"
#include "daemon/gguf/byte_source.h"
#include "daemon/gguf/header.h"
#include "daemon/secrets/numpy_header.h"

namespace batuta::secrets {
namespace {

constexpr uint64_t kMostHeaderBytes = 32 << 20;
constexpr uint64_t kMostNumpyHeaderBytes = 64 << 10;

class GgufSource final : public gguf::ByteSource {
 public:
  explicit GgufSource(safety::ByteSource& file) : file_(file) {}

  uint64_t size_bytes() const override { return file_.size_bytes(); }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    const auto count = static_cast<size_t>(std::min<uint64_t>(out.size(), file_.size_bytes() - offset));
    RETURN_IF_ERROR(file_.Read(offset, {reinterpret_cast<char*>(out.data()), count}));
    return count;
  }

 private:
  safety::ByteSource& file_;
};

std::optional<uint64_t> NumberAt(std::string_view text, size_t& at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == ',' || text[at] == ':' || text[at] == '[')) ++at;
  uint64_t number = 0;
  const size_t begin = at;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 18; ++at) {
    number = number * 10 + static_cast<uint64_t>(text[at] - '0');
  }
  return at > begin ? std::optional<uint64_t>(number) : std::nullopt;
}

// Where the last tensor ends, and what all of them have together.
std::optional<uint64_t> DataBytes(std::string_view header) {
  constexpr std::string_view kKey = "\"data_offsets\"";
  uint64_t last_end = 0;
  uint64_t total = 0;
  for (size_t at = header.find(kKey); at != std::string_view::npos; at = header.find(kKey, at)) {
    at += kKey.size();
    const std::optional<uint64_t> begin = NumberAt(header, at);
    const std::optional<uint64_t> end = NumberAt(header, at);
    if (!begin || !end || *end < *begin) return std::nullopt;
    last_end = std::max(last_end, *end);
    total += *end - *begin;
  }
  return total == last_end ? std::optional<uint64_t>(total) : std::nullopt;
}

std::optional<uint64_t> SafetensorsHeaderBytes(safety::ByteSource& file, std::string_view head) {
  uint64_t length = 0;
  if (head.size() < 16 || head[8] != '{') return std::nullopt;
  std::memcpy(&length, head.data(), sizeof length);
  if (length > kMostHeaderBytes || 8 + length > file.size_bytes()) return std::nullopt;
  std::string header(static_cast<size_t>(length), '\0');
  if (!file.Read(8, header).ok()) return std::nullopt;
  const size_t last = header.find_last_not_of(' ');
  if (last == std::string::npos || header[last] != '}') return std::nullopt;
  const std::optional<uint64_t> data = DataBytes(header);
  if (!data || 8 + length + *data != file.size_bytes()) return std::nullopt;
  return 8 + length;
}

std::optional<uint64_t> GgufHeaderBytes(safety::ByteSource& file) {
  GgufSource source(file);
  const absl::StatusOr<gguf::Header> header = gguf::ReadHeader(source);
  if (!header.ok()) return std::nullopt;
  const uint64_t end = header->data_offset + header->data_bytes;
  // The last tensor may be padded too.
  const bool is_whole =
      end <= file.size_bytes() && file.size_bytes() - end < std::max<uint64_t>(header->alignment, 1);
  return is_whole ? std::optional<uint64_t>(header->data_offset) : std::nullopt;
}

// Magic, two bytes of version, the length of the header: two bytes of it in version 1, else four.
std::optional<uint64_t> NumpyHeaderBytes(safety::ByteSource& file, std::string_view head) {
  if (head.size() < 12 || head[6] < 1 || head[6] > 3 || head[7] != 0) return std::nullopt;
  uint32_t length = 0;
  const size_t length_bytes = head[6] == 1 ? 2 : 4;
  std::memcpy(&length, head.data() + 8, length_bytes);
  const uint64_t begin = 8 + length_bytes;
  if (length > kMostNumpyHeaderBytes || begin + length > file.size_bytes()) return std::nullopt;
  std::string header(length, '\0');
  if (!file.Read(begin, header).ok()) return std::nullopt;
  const std::optional<uint64_t> data = NumpyDataBytes(header);
  if (!data || *data != file.size_bytes() - begin - length) return std::nullopt;
  return begin + length;
}

}  // namespace

std::optional<uint64_t> HeaderBytes(safety::ByteSource& file, std::string_view head) {
  if (head.starts_with("GGUF")) return GgufHeaderBytes(file);
  if (head.starts_with("\x93NUMPY")) return NumpyHeaderBytes(file, head);
  return SafetensorsHeaderBytes(file, head);
}

}  // namespace batuta::secrets
