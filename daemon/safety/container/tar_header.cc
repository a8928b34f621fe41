#include "daemon/safety/container/tar_header.h"

#include <algorithm>
#include <charconv>

namespace batuta::safety::tar {
namespace {

struct Field {
  size_t offset;
  size_t bytes;
};

constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kMagic{257, 8};
constexpr Field kPrefix{345, 155};
constexpr size_t kType = 156;

// Numbers that say nothing about the content; a reader may stop at one that is none.
constexpr Field kOtherNumbers[] = {
    {108, 8},   // owner
    {116, 8},   // group
    {136, 12},  // time
    {329, 8},   // device
    {337, 8},
};

constexpr std::string_view kUstar(
    "ustar\0"
    "00",
    8);
constexpr std::string_view kGnu("ustar  \0", 8);

std::string_view Raw(std::string_view block, Field field) {
  return block.substr(field.offset, field.bytes);
}

std::string_view Text(std::string_view block, Field field) {
  const std::string_view raw = Raw(block, field);
  return raw.substr(0, raw.find('\0'));
}

// Octal digits, blanks before them, blanks or NULs behind.
std::optional<uint64_t> Octal(std::string_view raw) {
  const size_t begin = std::min(raw.find_first_not_of(' '), raw.size());
  const size_t end = std::min(raw.find_first_of(std::string_view(" \0", 2), begin), raw.size());
  if (raw.find_first_not_of(std::string_view(" \0", 2), end) != raw.npos) return {};
  uint64_t number = 0;
  if (begin == end) return number;  // not said
  const std::from_chars_result result = std::from_chars(raw.data() + begin, raw.data() + end, number, 8);
  if (result.ec != std::errc() || result.ptr != raw.data() + end) return {};
  return number;
}

// Octal, or big-endian behind a byte 0x80 where eleven digits are too few.
std::optional<uint64_t> Size(std::string_view raw) {
  if (raw[0] != '\x80') return Octal(raw);
  uint64_t number = 0;
  for (const char byte : raw.substr(1)) {
    if (number >> 55 != 0) return {};
    number = number << 8 | static_cast<uint8_t>(byte);
  }
  return number;
}

bool IsNumber(std::string_view raw) {
  return raw[0] == '\x80' || raw[0] == '\xFF' || Octal(raw);
}

}  // namespace

bool HasChecksum(std::string_view block) {
  const std::optional<uint64_t> says = Octal(Raw(block, kChecksum));
  if (!says || Text(block, kChecksum).empty()) return false;
  uint64_t sum = 0;
  int64_t signed_sum = 0;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const bool is_own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.bytes;
    const char byte = is_own ? ' ' : block[i];
    sum += static_cast<uint8_t>(byte);
    signed_sum += static_cast<signed char>(byte);
  }
  return *says == sum || static_cast<int64_t>(*says) == signed_sum;
}

std::optional<Header> ParseHeader(std::string_view block) {
  if (!HasChecksum(block)) return {};
  const std::optional<uint64_t> mode = Octal(Raw(block, kMode));
  const std::optional<uint64_t> size = Size(Raw(block, kSize));
  if (!mode || !size || *mode > UINT32_MAX) return {};
  for (const Field field : kOtherNumbers) {
    if (!IsNumber(Raw(block, field))) return {};
  }
  Header header{.name = std::string(Text(block, kName)),
                .size_bytes = *size,
                .mode = static_cast<uint32_t>(*mode),
                .type = block[kType] == '\0' ? '0' : block[kType]};
  const std::string_view magic = Raw(block, kMagic);
  const std::string_view prefix = Text(block, kPrefix);
  if (magic == kUstar) {
    if (!prefix.empty()) header.name = std::string(prefix) + "/" + header.name;
  } else if ((magic != kGnu && !IsZero(magic)) || !IsZero(Raw(block, kPrefix))) {
    // Some readers take this for a part of the name whatever the magic says.
    return {};
  }
  return header;
}

std::optional<PaxRecords> ParsePax(std::string_view content) {
  PaxRecords records;
  while (!content.empty()) {
    size_t length = 0;
    const std::from_chars_result result =
        std::from_chars(content.data(), content.data() + content.size(), length);
    const auto digits = static_cast<size_t>(result.ptr - content.data());
    if (result.ec != std::errc() || length > content.size() || length < digits + 2 || content[0] == '0') {
      return {};
    }
    const std::string_view line = content.substr(0, length);
    content.remove_prefix(length);
    const size_t equals = line.find('=');
    if (line[digits] != ' ' || line.back() != '\n' || equals == line.npos) return {};
    const std::string_view key = line.substr(digits + 1, equals - digits - 1);
    const std::string_view value = line.substr(equals + 1, line.size() - equals - 2);
    if (key.empty() || !records.emplace(key, value).second) return {};
  }
  return records;
}

std::optional<uint64_t> ParsePaxSize(std::string_view value) {
  uint64_t number = 0;
  const std::from_chars_result result = std::from_chars(value.data(), value.data() + value.size(), number);
  if (result.ec != std::errc() || result.ptr != value.data() + value.size()) return {};
  return number;
}

bool IsZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == bytes.npos;
}

}  // namespace batuta::safety::tar
