#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "daemon/safety/base/byte_source.h"
#include "daemon/transport/range_source.h"

namespace batuta::pull {

// SparseBytes is a file of which only some ranges are here: a source for the inspection, which says by
// failing which bytes it needs next.
class SparseBytes final : public safety::ByteSource {
 public:
  explicit SparseBytes(uint64_t size_bytes) : size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  // kOutOfRange when a byte of it is missing; missing() then says what to get.
  absl::Status Read(uint64_t offset, std::span<char> out) override;

  void Add(uint64_t offset, std::string bytes);

  // Of the last Read() that failed: from the first byte that is not here on.
  std::optional<transport::ByteRange> missing() const { return missing_; }

  uint64_t held_bytes() const { return held_bytes_; }

  // What is here, by offset; none touches the next.
  const std::map<uint64_t, std::string>& runs() const { return runs_; }

 private:
  const uint64_t size_bytes_;
  std::map<uint64_t, std::string> runs_;  // by offset; none touches the next
  uint64_t held_bytes_ = 0;
  std::optional<transport::ByteRange> missing_;
};

}  // namespace batuta::pull
