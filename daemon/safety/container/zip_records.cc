#include "daemon/safety/container/zip_records.h"

#include <bit>
#include <cstring>

#include "daemon/safety/container/decoder.h"

namespace batuta::safety::zip {
namespace {

static_assert(std::endian::native == std::endian::little);

template <typename Number>
Number NumberAt(std::string_view bytes, size_t at) {
  Number number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

constexpr uint16_t kZip64Field = 0x0001;
constexpr uint16_t kNtfsTimeField = 0x000A;
constexpr uint16_t kPaddingField = 0x4246;  // "FB", which torch aligns its storages with
constexpr uint16_t kTimeField = 0x5455;
constexpr uint16_t kUnicodeNameField = 0x7075;
constexpr uint16_t kOwnerField = 0x7875;
constexpr uint16_t kOtherPaddingField = 0xFFFF;

bool IsPadding(std::string_view content) {
  return content.find_first_not_of(content.substr(0, 1)) == content.npos;
}

bool IsTime(std::string_view content) {
  return !content.empty() && content.size() <= 13 && content.size() % 4 == 1;
}

// One attribute: three times of eight bytes.
bool IsNtfsTime(std::string_view content) {
  return content.size() == 32 && Word(content, 0) == 0 && Word(content, 4) == 0x00180001;
}

// Version 1, then two numbers, each after its length.
bool IsOwner(std::string_view content) {
  if (content.empty() || content[0] != 1) return false;
  content.remove_prefix(1);
  for (int i = 0; i < 2; ++i) {
    if (content.empty()) return false;
    const auto length = static_cast<uint8_t>(content[0]);
    if (length > 8 || content.size() < 1U + length) return false;
    content.remove_prefix(1U + length);
  }
  return content.empty();
}

// Version 1, the CRC32 of the name in the header, the name.
bool IsNameAgain(std::string_view content, std::string_view name) {
  return content.size() == 5 + name.size() && content[0] == 1 && Word(content, 1) == UpdateCrc32(0, name) &&
         content.substr(5) == name;
}

}  // namespace

uint16_t Short(std::string_view bytes, size_t at) {
  return NumberAt<uint16_t>(bytes, at);
}

uint32_t Word(std::string_view bytes, size_t at) {
  return NumberAt<uint32_t>(bytes, at);
}

uint64_t Long(std::string_view bytes, size_t at) {
  return NumberAt<uint64_t>(bytes, at);
}

std::optional<End> ParseEnd(std::string_view record) {
  if (Short(record, 4) != 0 || Short(record, 6) != 0 || Short(record, 8) != Short(record, 10)) return {};
  return End{Short(record, 10), Word(record, 12), Word(record, 16), 0};
}

std::optional<End> ParseEnd64(std::string_view record) {
  if (!record.starts_with(kEnd64Mark) || Long(record, 4) != kEnd64Bytes - 12) return {};
  if (Word(record, 16) != 0 || Word(record, 20) != 0 || Long(record, 24) != Long(record, 32)) return {};
  return End{Long(record, 32), Long(record, 40), Long(record, 48), 0};
}

std::optional<uint64_t> ParseLocator(std::string_view record) {
  if (Word(record, 4) != 0 || Word(record, 16) != 1) return {};
  return Long(record, 8);
}

bool Agree(const End& end, const End& end64) {
  return (end.count == end64.count || end.count == kSee64Short) &&
         (end.directory_bytes == end64.directory_bytes || end.directory_bytes == kSee64) &&
         (end.directory_offset == end64.directory_offset || end.directory_offset == kSee64);
}

std::optional<Extras> ParseExtras(std::string_view bytes, std::string_view name) {
  Extras extras;
  bool has_zip64 = false;
  while (!bytes.empty()) {
    if (bytes.size() < 4 || bytes.size() - 4 < Short(bytes, 2)) return {};
    const uint16_t field = Short(bytes, 0);
    const std::string_view content = bytes.substr(4, Short(bytes, 2));
    bytes.remove_prefix(4 + content.size());
    bool known = false;
    switch (field) {
      case kZip64Field:
        known = !has_zip64;  // one is enough
        has_zip64 = true;
        extras.zip64 = content;
        break;
      case kPaddingField:
      case kOtherPaddingField:
        known = IsPadding(content);
        break;
      case kTimeField:
        known = IsTime(content);
        break;
      case kNtfsTimeField:
        known = IsNtfsTime(content);
        break;
      case kOwnerField:
        known = IsOwner(content);
        break;
      case kUnicodeNameField:
        known = IsNameAgain(content, name);
        extras.has_unicode_name = known;
        break;
      default:
        break;
    }
    if (!known) return {};
  }
  return extras;
}

}  // namespace batuta::safety::zip
