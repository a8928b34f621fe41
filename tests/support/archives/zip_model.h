#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A zip as the records it is made of, each of which a test may bend before it is written.
namespace batuta::test {

// What a header, local or of the directory, says of a member. What is not set is the truth.
struct ZipHeader {
  std::optional<std::string> name;
  std::optional<uint16_t> flags;
  std::optional<uint16_t> method;
  std::optional<uint32_t> crc32;
  std::optional<uint32_t> packed_bytes;
  std::optional<uint32_t> size_bytes;
  std::string extra;
};

struct ZipMember {
  std::string name;
  std::string packed;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc32 = 0;
  uint32_t size_bytes = 0;
  ZipHeader local;
  ZipHeader directory;
  std::string before;      // bytes before its header
  std::string descriptor;  // bytes behind its content
  uint32_t attributes = 0;
  std::string comment;
  std::optional<uint32_t> header_offset;  // as the directory says it
  uint16_t disk = 0;
};

struct ZipModel {
  std::vector<ZipMember> members;
  std::string before_directory;
  std::string before_end;  // bytes between the directory and the end record
  bool has_zip64_end = false;
  std::optional<uint64_t> count64;
  std::optional<uint16_t> count;
  std::optional<uint32_t> directory_bytes;
  std::optional<uint32_t> directory_offset;
  uint16_t disk = 0;
  std::string comment;
  std::string after;
};

ZipMember StoredMember(std::string_view name, std::string_view content);
ZipMember DeflatedMember(std::string_view name, std::string_view content);

// With the descriptor behind the content, and nothing but zeros in the header, as torch writes it.
ZipMember DescribedMember(std::string_view name, std::string_view content);

// A field of a header: its number, its length, `content`.
std::string ExtraField(uint16_t number, std::string_view content);

// Numbers as bytes, little-endian.
std::string Bytes16(uint16_t number);
std::string Bytes32(uint32_t number);
std::string Bytes64(uint64_t number);

std::string WriteZip(const ZipModel& model);

}  // namespace batuta::test
