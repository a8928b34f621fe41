#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"

namespace batuta {
class File;
}

namespace batuta::safety {

// The bytes under inspection, wherever they are: on disk, in memory, inside an archive, or at the hub with
// only some ranges here. Used by one thread at a time; may block.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  virtual uint64_t size_bytes() const = 0;

  // Fills `out` with the bytes from `offset` on. The caller stays inside size_bytes(). An error is about
  // reading, never about content, and ends the inspection: kOutOfRange means that the bytes are not here yet.
  virtual absl::Status Read(uint64_t offset, std::span<char> out) = 0;
};

// Bytes in memory, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}

  uint64_t size_bytes() const override { return bytes_.size(); }

  absl::Status Read(uint64_t offset, std::span<char> out) override;

 private:
  std::string_view bytes_;
};

// A run of bytes of another source, which must outlive it and hold that run.
class PartSource final : public ByteSource {
 public:
  PartSource(ByteSource& whole, uint64_t offset, uint64_t size_bytes)
      : whole_(whole), offset_(offset), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override;

 private:
  ByteSource& whole_;
  uint64_t offset_;
  uint64_t size_bytes_;
};

// An open file, which must outlive it. `size_bytes` is what the file had when it was looked at; one that
// became shorter is a kDataLoss.
class FileSource final : public ByteSource {
 public:
  FileSource(File& file, uint64_t size_bytes) : file_(file), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override;

 private:
  File& file_;
  uint64_t size_bytes_;
};

}  // namespace batuta::safety
