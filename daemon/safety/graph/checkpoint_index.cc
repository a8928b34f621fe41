#include "daemon/safety/graph/checkpoint_index.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/cursor.h"
#include "daemon/safety/graph/protobuf_reader.h"
#include "daemon/safety/graph/random_reader.h"
#include "daemon/safety/graph/rules.h"

namespace batuta::safety {
namespace {

constexpr uint64_t kFooterBytes = 48;
constexpr uint64_t kTrailerBytes = 5;  // behind each block: how it is packed, and a checksum
constexpr uint64_t kMagic = 0xdb4775248b80fb57;

// Of one block; writers stay below 256 KiB unless a single entry is larger.
constexpr uint64_t kMostBlockBytes = 16 << 20;

// A run of bytes of the table.
struct Block {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

bool NextVarint(Cursor& cursor, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    uint8_t byte = 0;
    if (!cursor.Next(byte)) return false;
    value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

std::optional<Block> NextBlock(Cursor& cursor) {
  Block block;
  if (!NextVarint(cursor, block.offset) || !NextVarint(cursor, block.size_bytes)) return std::nullopt;
  return block;
}

// One after the other: a key, which repeats the beginning of the one before it, and a value.
class Entries {
 public:
  explicit Entries(std::string_view block) : cursor_("") {
    // At the end, how many places there are at which a key stands whole, and before that those places.
    uint32_t count = 0;
    if (block.size() < sizeof count) return;
    Cursor(block.substr(block.size() - sizeof count)).Next(count);
    if (count > block.size() / sizeof count - 1) return;
    cursor_ = Cursor(block.substr(0, block.size() - (size_t{count} + 1) * sizeof count));
    is_whole_ = true;
  }

  // False at the end, and when it is broken.
  bool Next(std::string& key, std::string_view& value) {
    if (!is_whole_ || cursor_.left_bytes() == 0) return false;
    uint64_t shared = 0;
    uint64_t own = 0;
    uint64_t value_bytes = 0;
    std::string_view rest;
    is_whole_ = NextVarint(cursor_, shared) && NextVarint(cursor_, own) && NextVarint(cursor_, value_bytes) &&
                shared <= key.size() && cursor_.Next(own, rest) && cursor_.Next(value_bytes, value);
    if (!is_whole_) return false;
    key.resize(static_cast<size_t>(shared));
    key += rest;
    return true;
  }

  bool is_whole() const { return is_whole_; }

 private:
  Cursor cursor_;
  bool is_whole_ = false;
};

class Walk {
 public:
  explicit Walk(Subject& subject) : subject_(subject), reader_(subject.bytes()) {}

  absl::Status Run() {
    std::string footer;
    uint64_t magic = 0;
    if (reader_.size_bytes() < kFooterBytes ||
        !reader_.Read(reader_.size_bytes() - kFooterBytes, kFooterBytes, footer) ||
        !Cursor(std::string_view(footer).substr(kFooterBytes - sizeof magic)).Next(magic) ||
        magic != kMagic) {
      if (reader_.status().ok()) Broken(0, "no table");
      return reader_.status();
    }
    Cursor cursor(std::string_view(footer).substr(0, kFooterBytes - sizeof magic));
    const std::optional<Block> more = NextBlock(cursor);
    const std::optional<Block> index = NextBlock(cursor);
    if (!more || !index || footer.find_first_not_of('\0', cursor.offset()) < kFooterBytes - sizeof magic) {
      Broken(reader_.size_bytes() - kFooterBytes, "an end that leads nowhere");
      return absl::OkStatus();
    }
    // Blocks of entries, what is said of them all, their index, and the end: nothing between and nothing
    // before.
    if (VisitIndex(*index) && VisitBlock(*more, false) && next_ == index->offset) {
      next_ = index->offset + index->size_bytes + kTrailerBytes;
    }
    if (is_whole_ && reader_.status().ok() && next_ != reader_.size_bytes() - kFooterBytes) {
      Broken(next_, "bytes that belong to no block");
    }
    return reader_.status();
  }

 private:
  bool VisitIndex(const Block& index) {
    std::string bytes;
    if (!Fetch(index, bytes)) return false;
    Entries entries(bytes);
    std::string key;
    std::string_view value;
    while (entries.Next(key, value)) {
      Cursor cursor(value);
      const std::optional<Block> block = NextBlock(cursor);
      if (!block || cursor.left_bytes() > 0)
        return Broken(index.offset, "an entry of the index that leads nowhere");
      if (!VisitBlock(*block, true)) return false;
    }
    return entries.is_whole() || Broken(index.offset, "a block that ends inside an entry");
  }

  bool VisitBlock(const Block& block, bool has_tensors) {
    std::string bytes;
    if (block.offset != next_) return Broken(block.offset, "a block that does not follow the one before it");
    if (!Fetch(block, bytes)) return false;
    next_ = block.offset + block.size_bytes + kTrailerBytes;
    Entries entries(bytes);
    std::string key;
    std::string_view value;
    while (entries.Next(key, value)) {
      if (has_tensors && !IsMessage(value)) return Broken(block.offset, "an entry that describes no tensor");
    }
    return entries.is_whole() || Broken(block.offset, "a block that ends inside an entry");
  }

  // The head of the table or a tensor: numbers, and messages of numbers.
  static bool IsMessage(std::string_view bytes) {
    MemorySource source(bytes);
    ProtobufReader reader(source);
    ProtobufReader::Field field;
    while (reader.Next(field)) {
      constexpr uint32_t kLastField = 7;
      if (field.number > kLastField) return false;
    }
    return reader.complete();
  }

  bool Fetch(const Block& block, std::string& out) {
    if (block.size_bytes > kMostBlockBytes) {
      subject_.Add(rules::kTooComplex, block.offset, "a block larger than any checkpoint has");
      return is_whole_ = false;
    }
    uint8_t packed = 0;
    if (block.offset > std::numeric_limits<uint64_t>::max() / 2 ||
        !reader_.Read(block.offset, block.size_bytes, out) ||
        !reader_.Read(block.offset + block.size_bytes, packed)) {
      return Broken(block.offset, "a block outside the file");
    }
    if (packed == 0) return true;
    subject_.Add(rules::kCheckpointUnsupported, block.offset, "a compressed block");
    return is_whole_ = false;
  }

  // Always false.
  bool Broken(uint64_t offset, std::string_view text) {
    if (reader_.status().ok()) subject_.Add(rules::kCheckpointInvalid, offset, text);
    return is_whole_ = false;
  }

  Subject& subject_;
  RandomReader reader_;
  uint64_t next_ = 0;  // where the next block must begin
  bool is_whole_ = true;
};

}  // namespace

absl::Status InspectCheckpointIndex(Subject& subject) {
  subject.SetFormat("tensorflow checkpoint index");
  return Walk(subject).Run();
}

}  // namespace batuta::safety
