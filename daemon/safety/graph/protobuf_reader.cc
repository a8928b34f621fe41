#include "daemon/safety/graph/protobuf_reader.h"

#include <algorithm>

namespace batuta::safety {
namespace {

constexpr uint64_t kMostTag = 0xFFFF'FFFF;

}  // namespace

bool ProtobufReader::Next(Field& field) {
  if (!Settle() || bytes_.offset() == ends_.back()) return false;
  uint64_t tag = 0;
  field = {.offset = bytes_.offset()};
  if (!Varint(tag)) return false;
  field.number = static_cast<uint32_t>(tag >> 3U);
  if (tag > kMostTag || field.number == 0) return Break("a field with an impossible number");
  field.wire = static_cast<Wire>(tag & 7U);
  switch (field.wire) {
    case Wire::kVarint:
      if (!Varint(field.value)) return false;
      break;
    case Wire::kFixed64:
      if (ends_.back() - bytes_.offset() < 8) return Break("a field that ends after its message");
      if (!bytes_.Next(field.value)) return false;
      break;
    case Wire::kFixed32: {
      uint32_t value = 0;
      if (ends_.back() - bytes_.offset() < 4) return Break("a field that ends after its message");
      if (!bytes_.Next(value)) return false;
      field.value = value;
      break;
    }
    case Wire::kBytes:
      if (!Varint(field.size_bytes)) return false;
      field.offset = bytes_.offset();
      if (field.size_bytes > ends_.back() - field.offset) return Break("a field that ends after its message");
      field_end_ = field.offset + field.size_bytes;
      return true;
    default:
      // Groups, which are older than most writers, have the numbers 3 and 4.
      may_go_on_ = (tag & 7U) == 3 || (tag & 7U) == 4;
      return Break("a field of an unknown kind");
  }
  field_end_ = bytes_.offset();
  return true;
}

bool ProtobufReader::Enter() {
  if (!ok()) return false;
  if (ends_.size() > kMostDepth) return Break("messages nested too deeply");
  ends_.push_back(field_end_);
  field_end_ = bytes_.offset();
  return true;
}

bool ProtobufReader::Text(uint64_t most_bytes, std::string& out) {
  return ok() && bytes_.Append(std::min(most_bytes, field_end_ - bytes_.offset()), out);
}

bool ProtobufReader::NextVarint(uint64_t& value) {
  if (!ok() || bytes_.offset() == ends_.back()) return false;
  if (!Varint(value)) return false;
  field_end_ = bytes_.offset();
  return true;
}

void ProtobufReader::Leave() {
  field_end_ = ends_.back();
  ends_.pop_back();
  Settle();
}

bool ProtobufReader::Settle() {
  return ok() && bytes_.Seek(field_end_);
}

bool ProtobufReader::Varint(uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (bytes_.offset() == ends_.back()) return Break("a number that ends after its message");
    uint8_t byte = 0;
    if (!bytes_.Next(byte)) return false;
    // The tenth byte has one bit of the number.
    if (shift == 63 && byte > 1) {
      may_go_on_ = byte < 0x80;
      break;
    }
    value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return true;
  }
  return Break("a number beyond 64 bits");
}

bool ProtobufReader::Break(std::string_view problem) {
  problem_ = problem;
  return false;
}

}  // namespace batuta::safety
