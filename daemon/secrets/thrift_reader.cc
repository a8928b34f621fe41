#include "daemon/secrets/thrift_reader.h"

namespace batuta::secrets {
namespace {

constexpr int kDeepest = 32;
constexpr uint8_t kLongList = 15;

}  // namespace

void ThriftReader::Fail() {
  ok_ = false;
  at_ = bytes_.size();
}

uint8_t ThriftReader::Byte() {
  if (at_ >= bytes_.size()) {
    Fail();
    return 0;
  }
  return static_cast<uint8_t>(bytes_[at_++]);
}

uint64_t ThriftReader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = Byte();
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  Fail();
  return 0;
}

int64_t ThriftReader::Integer() {
  const uint64_t coded = Varint();
  return static_cast<int64_t>(coded >> 1) ^ -static_cast<int64_t>(coded & 1);
}

std::string_view ThriftReader::Binary() {
  const uint64_t size = Varint();
  if (size > bytes_.size() - at_) {
    Fail();
    return "";
  }
  const std::string_view value = bytes_.substr(at_, static_cast<size_t>(size));
  at_ += value.size();
  return value;
}

void ThriftReader::Struct(absl::FunctionRef<bool(int64_t id, uint8_t type)> field) {
  if (++depth_ > kDeepest) Fail();
  int64_t id = 0;
  while (ok_) {
    const uint8_t head = Byte();
    const uint8_t type = head & 0x0F;
    if (type == 0) break;
    id = head >> 4 != 0 ? id + (head >> 4) : Integer();
    if (!field(id, type)) Skip(type);
  }
  --depth_;
}

void ThriftReader::List(absl::FunctionRef<void(uint8_t type)> element) {
  if (++depth_ > kDeepest) Fail();
  const uint8_t head = Byte();
  const uint64_t count = head >> 4 == kLongList ? Varint() : static_cast<uint64_t>(head >> 4);
  // Every value takes a byte.
  if (count > bytes_.size() - at_) Fail();
  for (uint64_t i = 0; ok_ && i < count; ++i) element(head & 0x0F);
  --depth_;
}

void ThriftReader::Skip(uint8_t type) {
  switch (type) {
    case kTrue:
    case kFalse:
      return;
    case kByte:
      Byte();
      return;
    case kInt16:
    case kInt32:
    case kInt64:
      Varint();
      return;
    case kDouble:
      for (int i = 0; i < 8; ++i) Byte();
      return;
    case kBinary:
      Binary();
      return;
    case kList:
    case kSet:
      // In a list, a boolean does take a byte.
      List([this](uint8_t of) { Skip(of == kTrue || of == kFalse ? uint8_t{kByte} : of); });
      return;
    case kStruct:
      Struct([](int64_t, uint8_t) { return false; });
      return;
    default:  // no part of Parquet has a map
      Fail();
  }
}

}  // namespace batuta::secrets
