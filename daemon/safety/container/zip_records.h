#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

// The records of a zip, as they stand in its bytes. Pure; whether they agree is judged elsewhere.
namespace batuta::safety::zip {

inline constexpr std::string_view kLocalMark = "PK\x03\x04";
inline constexpr std::string_view kEntryMark = "PK\x01\x02";
inline constexpr std::string_view kEndMark = "PK\x05\x06";
inline constexpr std::string_view kEnd64Mark = "PK\x06\x06";
inline constexpr std::string_view kLocatorMark = "PK\x06\x07";
inline constexpr std::string_view kDescriptorMark = "PK\x07\x08";

inline constexpr uint64_t kLocalBytes = 30;
inline constexpr uint64_t kEntryBytes = 46;
inline constexpr uint64_t kEndBytes = 22;
inline constexpr uint64_t kEnd64Bytes = 56;
inline constexpr uint64_t kLocatorBytes = 20;

inline constexpr uint16_t kHasDescriptor = 1 << 3;
inline constexpr uint16_t kIsUtf8 = 1 << 11;

inline constexpr uint16_t kStored = 0;
inline constexpr uint16_t kDeflated = 8;

inline constexpr uint16_t kSee64Short = 0xFFFF;  // "the zip64 record says it"
inline constexpr uint32_t kSee64 = 0xFFFFFFFF;

uint16_t Short(std::string_view bytes, size_t at);
uint32_t Word(std::string_view bytes, size_t at);
uint64_t Long(std::string_view bytes, size_t at);

// The end record, joined with that of zip64 where there is one.
struct End {
  uint64_t count = 0;
  uint64_t directory_bytes = 0;
  uint64_t directory_offset = 0;
  uint64_t offset = 0;  // of the first of these records: where the directory must end
};

// `record` has kEndBytes. Nothing when it speaks of several disks.
std::optional<End> ParseEnd(std::string_view record);

// `record` has kEnd64Bytes. Nothing when it is no such record, has more in it or speaks of several disks.
std::optional<End> ParseEnd64(std::string_view record);

// Where the zip64 end record is, of a locator with kLocatorBytes. Nothing when it speaks of several disks.
std::optional<uint64_t> ParseLocator(std::string_view record);

// Does a 32-bit end record say the same as that of zip64, or refer to it?
bool Agree(const End& end, const End& end64);

// The extra fields of a member, of which nothing may be hidden from a reader.
struct Extras {
  std::string_view zip64;         // its content
  bool has_unicode_name = false;  // one that equals the name
};

// Nothing when a field is not one of: padding, zip64, time stamps, owner numbers, the member's own name
// again.
std::optional<Extras> ParseExtras(std::string_view bytes, std::string_view name);

}  // namespace batuta::safety::zip
