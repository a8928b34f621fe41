#include "tests/support/archives/zip_model.h"

#include "tests/support/archives/packed.h"

namespace batuta::test {
namespace {

template <typename Number>
std::string NumberBytes(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

// What both headers share: flags, method, time, checksum, sizes, lengths.
std::string CommonFields(const ZipMember& member, const ZipHeader& says) {
  return Bytes16(says.flags.value_or(member.flags)) + Bytes16(says.method.value_or(member.method)) +
         Bytes32(0x5A210000) + Bytes32(says.crc32.value_or(member.crc32)) +
         Bytes32(says.packed_bytes.value_or(static_cast<uint32_t>(member.packed.size()))) +
         Bytes32(says.size_bytes.value_or(member.size_bytes)) +
         Bytes16(static_cast<uint16_t>(says.name.value_or(member.name).size())) +
         Bytes16(static_cast<uint16_t>(says.extra.size()));
}

std::string LocalHeader(const ZipMember& member) {
  return "PK\3\4" + Bytes16(20) + CommonFields(member, member.local) +
         member.local.name.value_or(member.name) + member.local.extra;
}

std::string DirectoryHeader(const ZipMember& member, uint32_t offset) {
  return "PK\1\2" + Bytes16(0x0314) + Bytes16(20) + CommonFields(member, member.directory) +
         Bytes16(static_cast<uint16_t>(member.comment.size())) + Bytes16(member.disk) + Bytes16(0) +
         Bytes32(member.attributes) + Bytes32(member.header_offset.value_or(offset)) +
         member.directory.name.value_or(member.name) + member.directory.extra + member.comment;
}

ZipMember Member(std::string_view name, std::string_view content, std::string packed, uint16_t method) {
  ZipMember member;
  member.name = name;
  member.packed = std::move(packed);
  member.method = method;
  member.crc32 = Crc32(content);
  member.size_bytes = static_cast<uint32_t>(content.size());
  return member;
}

}  // namespace

std::string Bytes16(uint16_t number) {
  return NumberBytes(number);
}

std::string Bytes32(uint32_t number) {
  return NumberBytes(number);
}

std::string Bytes64(uint64_t number) {
  return NumberBytes(number);
}

std::string ExtraField(uint16_t number, std::string_view content) {
  return Bytes16(number) + Bytes16(static_cast<uint16_t>(content.size())) + std::string(content);
}

ZipMember StoredMember(std::string_view name, std::string_view content) {
  return Member(name, content, std::string(content), 0);
}

ZipMember DeflatedMember(std::string_view name, std::string_view content) {
  return Member(name, content, Deflated(content), 8);
}

ZipMember DescribedMember(std::string_view name, std::string_view content) {
  ZipMember member = StoredMember(name, content);
  member.flags = 0x0808;
  member.local.crc32 = 0;
  member.local.packed_bytes = 0;
  member.local.size_bytes = 0;
  member.descriptor =
      "PK\7\10" + Bytes32(member.crc32) + Bytes32(member.size_bytes) + Bytes32(member.size_bytes);
  return member;
}

std::string WriteZip(const ZipModel& model) {
  std::string out;
  std::string directory;
  for (const ZipMember& member : model.members) {
    out += member.before;
    const auto offset = static_cast<uint32_t>(out.size());
    out += LocalHeader(member) + member.packed + member.descriptor;
    directory += DirectoryHeader(member, offset);
  }
  out += model.before_directory;
  const uint64_t directory_offset = out.size();
  out += directory + model.before_end;
  const uint64_t end64_offset = out.size();
  const auto count = static_cast<uint16_t>(model.members.size());
  if (model.has_zip64_end) {
    const uint64_t count64 = model.count64.value_or(count);
    out += "PK\6\6" + Bytes64(44) + Bytes16(0x031E) + Bytes16(45) + Bytes32(0) + Bytes32(0) +
           Bytes64(count64) + Bytes64(count64) + Bytes64(directory.size()) + Bytes64(directory_offset);
    out += "PK\6\7" + Bytes32(0) + Bytes64(end64_offset) + Bytes32(1);
  }
  out += "PK\5\6" + Bytes16(model.disk) + Bytes16(0) + Bytes16(model.count.value_or(count)) +
         Bytes16(model.count.value_or(count)) +
         Bytes32(model.directory_bytes.value_or(static_cast<uint32_t>(directory.size()))) +
         Bytes32(model.directory_offset.value_or(static_cast<uint32_t>(directory_offset))) +
         Bytes16(static_cast<uint16_t>(model.comment.size())) + model.comment;
  return out + model.after;
}

}  // namespace batuta::test
