#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "daemon/safety/base/byte_source.h"

// A torch checkpoint of any size of which only the records exist: its tensors are zeros.
namespace batuta::test {

class SparseFile final : public safety::ByteSource {
 public:
  // Runs must not overlap; what is between them is zeros.
  void Write(uint64_t offset, std::string bytes);

  // What lies before `offset` is not here yet.
  void OnlyFrom(uint64_t offset) { here_from_ = offset; }

  uint64_t size_bytes() const override { return size_bytes_; }

  uint64_t read_bytes() const { return read_bytes_; }

  // kOutOfRange for what is not here yet.
  absl::Status Read(uint64_t offset, std::span<char> out) override;

 private:
  std::map<uint64_t, std::string> runs_;
  uint64_t size_bytes_ = 0;
  uint64_t here_from_ = 0;
  uint64_t read_bytes_ = 0;
};

// As torch writes it: zip64 where it is needed, descriptors, a pickle in front that makes a tensor of every
// storage. `storage_bytes` is below four gigabytes and divisible by four.
SparseFile LargeTorchZip(uint64_t storages, uint32_t storage_bytes);

}  // namespace batuta::test
