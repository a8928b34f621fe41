#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"
#include "daemon/safety/container/decoder.h"

namespace batuta::safety {

// Why decompression stopped.
enum class ExpandFault : uint8_t { kNone, kBroken, kCut, kTrailing, kMemory, kTooLarge };

// Compressed bytes from their beginning to their end, in one direction.
class Expander {
 public:
  // With `many`, stream follows stream until the bytes end; without, something behind the first is trailing.
  Expander(ByteSource& packed, Compression compression, bool many);

  // As many bytes of `out` as there are; fewer only at the end, which is also where a fault is.
  absl::StatusOr<size_t> Next(std::span<char> out);

  ExpandFault fault() const { return fault_; }

 private:
  // Between two streams: goes on, or ends.
  void EndStream();

  ByteReader packed_;
  Compression compression_;
  bool many_;
  std::unique_ptr<Decoder> decoder_;
  bool ended_ = false;
  ExpandFault fault_ = ExpandFault::kNone;
};

// What compressed bytes expand to, as a source of its own. It goes through all of it once, to know the size
// and that nothing is wrong; what is small stays in memory, the rest is expanded again as it is read, in one
// direction: a step back begins anew, which may happen only so often.
class ExpandedSource final : public ByteSource {
 public:
  static constexpr uint64_t kKeptBytes = 8 << 20;
  static constexpr int kMostRestarts = 32;

  // `packed` must outlive it.
  ExpandedSource(ByteSource& packed, Compression compression, bool many);

  // Call it once, first. At most ExpandableBytes(), and at most `expected_bytes` and one more; what is beyond
  // is a fault, and so is whatever does not decompress: then it is what came before that. An error is about
  // reading.
  absl::Status Measure(Report& report, const Limits& limits, uint64_t expected_bytes = UINT64_MAX);

  ExpandFault fault() const { return fault_; }

  uint32_t crc32() const { return crc32_; }

  uint64_t size_bytes() const override { return size_bytes_; }

  // kResourceExhausted when it was read back and forth too often; gave_up() says so as well.
  absl::Status Read(uint64_t offset, std::span<char> out) override;

  bool gave_up() const { return gave_up_; }

 private:
  absl::Status SkipTo(uint64_t offset);

  ByteSource& packed_;
  Compression compression_;
  bool many_;
  uint64_t size_bytes_ = 0;
  uint32_t crc32_ = 0;
  ExpandFault fault_ = ExpandFault::kNone;
  std::string kept_;  // all of it, when it is small
  std::unique_ptr<Expander> expander_;
  uint64_t position_ = 0;  // of expander_
  int restarts_ = 0;
  bool gave_up_ = false;
};

}  // namespace batuta::safety
