#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace batuta::secrets {

// ThriftReader reads values of Thrift's compact protocol, in which Parquet describes itself. What makes no
// sense ends it: from then on there are zeros, and nothing in lists and structs. Work and depth are bounded
// by the bytes. Not thread-safe.
class ThriftReader {
 public:
  enum Type : uint8_t {
    kTrue = 1,
    kFalse = 2,
    kByte = 3,
    kInt16 = 4,
    kInt32 = 5,
    kInt64 = 6,
    kDouble = 7,
    kBinary = 8,
    kList = 9,
    kSet = 10,
    kMap = 11,
    kStruct = 12,
  };

  explicit ThriftReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }

  // How many bytes were read.
  size_t at() const { return at_; }

  int64_t Integer();
  std::string_view Binary();

  // `field` takes the value and answers true, or leaves it and answers false. A boolean has none but its
  // type.
  void Struct(absl::FunctionRef<bool(int64_t id, uint8_t type)> field);

  // `element` takes each value.
  void List(absl::FunctionRef<void(uint8_t type)> element);

  void Skip(uint8_t type);

 private:
  uint8_t Byte();
  uint64_t Varint();
  void Fail();

  std::string_view bytes_;
  size_t at_ = 0;
  int depth_ = 0;
  bool ok_ = true;
};

}  // namespace batuta::secrets
