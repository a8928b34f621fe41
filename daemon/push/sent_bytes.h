#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"

#include "common/status/status.h"
#include "daemon/safety/base/byte_source.h"

namespace batuta::push {

// Bytes that go to the hub. To Read() it adds ways that copy less; their errors are the same.
class SentBytes : public safety::ByteSource {
 public:
  // As many of the bytes from `offset` on as are in memory: never waits for a disk or for anyone. 0: only the
  // others can give them.
  virtual absl::StatusOr<size_t> ReadAtOnce(uint64_t /*offset*/, std::span<char> /*out*/) {
    return size_t{0};
  }

  // The `size` bytes from `offset` on, in memory that the cord keeps.
  virtual absl::StatusOr<absl::Cord> ReadPieces(uint64_t offset, size_t size) {
    std::string bytes(size, '\0');
    RETURN_IF_ERROR(Read(offset, bytes));
    return absl::Cord(std::move(bytes));
  }
};

}  // namespace batuta::push
