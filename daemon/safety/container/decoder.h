#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace batuta::safety {

enum class Compression : uint8_t { kDeflate, kGzip, kZlib, kBzip2, kXz, kLzma, kLz4, kZstd };

// "gzip", "xz", …
std::string_view CompressionName(Compression compression);

// Decompresses a stream: a member of a gzip, an xz stream, a frame. Checks what the stream says of itself.
// After kEnd it is ready for another one.
class Decoder {
 public:
  // The most that a decoder takes: a window of 64 MiB, as `xz -9` asks for, and its tables. What asks for
  // more (`zstd --long`) is not looked into.
  static constexpr size_t kMemoryBytes = 66 << 20;

  enum class State : uint8_t { kMore, kEnd, kBroken, kTooMuchMemory };

  struct Step {
    size_t used = 0;  // of `in`
    size_t made = 0;  // of `out`
    State state = State::kMore;
  };

  virtual ~Decoder() = default;

  // Uses some of `in`, fills some of `out`. Nothing used and nothing made means that it waits for more.
  virtual Step Decode(std::string_view in, std::span<char> out) = 0;

  // One that goes on from here as well; null where there is no such thing.
  virtual std::unique_ptr<Decoder> Clone() { return nullptr; }
};

std::unique_ptr<Decoder> NewDecoder(Compression compression);

// CRC32 as zip and gzip count it.
uint32_t UpdateCrc32(uint32_t crc32, std::string_view bytes);

}  // namespace batuta::safety
