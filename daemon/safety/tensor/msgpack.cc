#include "daemon/safety/tensor/msgpack.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include <fmt/format.h>

#include "common/text/human.h"
#include "common/text/utf8.h"
#include "daemon/safety/base/arithmetic.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/tensor/rules.h"

namespace batuta::safety {
namespace {

constexpr size_t kMostDepth = 64;
constexpr uint64_t kMostKeys = 4'000'000;
constexpr uint64_t kMostKeyBytes = 64 << 10;
constexpr uint64_t kMostDTypeBytes = 32;
constexpr uint64_t kMostDimensions = 64;

struct DType {
  std::string_view name;
  uint64_t bytes;
};

constexpr DType kDTypes[] = {
    {"bfloat16", 2},       {"float32", 4},
    {"float16", 2},        {"float64", 8},
    {"bool", 1},           {"int4", 1},
    {"int8", 1},           {"int16", 2},
    {"int32", 4},          {"int64", 8},
    {"uint4", 1},          {"uint8", 1},
    {"uint16", 2},         {"uint32", 4},
    {"uint64", 8},         {"complex64", 8},
    {"complex128", 16},    {"float8_e3m4", 1},
    {"float8_e4m3", 1},    {"float8_e4m3b11fnuz", 1},
    {"float8_e4m3fn", 1},  {"float8_e4m3fnuz", 1},
    {"float8_e5m2", 1},    {"float8_e5m2fnuz", 1},
    {"float8_e8m0fnu", 1},
};

enum class Kind : uint8_t { kNumber, kText, kBytes, kArray, kMap, kExtension };

// One value without what it holds, which is `size` bytes, values or pairs and follows.
struct Head {
  Kind kind = Kind::kNumber;
  uint64_t size = 0;
  std::optional<uint64_t> number;  // of an unsigned whole number
  int type = 0;                    // of an extension
};

// What a byte from 0xC0 to 0xDF begins.
struct Form {
  Kind kind;
  uint8_t number_bytes;  // of the number or the size that follows it
  bool is_unsigned = false;
  uint8_t size = 0;  // where none follows
  bool is_known = true;
};

constexpr Form kForms[32] = {
    {Kind::kNumber, 0},  // nil
    {Kind::kNumber, 0, false, 0, false},
    {Kind::kNumber, 0},  // false
    {Kind::kNumber, 0},  // true
    {Kind::kBytes, 1},
    {Kind::kBytes, 2},
    {Kind::kBytes, 4},
    {Kind::kExtension, 1},
    {Kind::kExtension, 2},
    {Kind::kExtension, 4},
    {Kind::kNumber, 4},  // floating point
    {Kind::kNumber, 8},
    {Kind::kNumber, 1, true},
    {Kind::kNumber, 2, true},
    {Kind::kNumber, 4, true},
    {Kind::kNumber, 8, true},
    {Kind::kNumber, 1},  // signed
    {Kind::kNumber, 2},
    {Kind::kNumber, 4},
    {Kind::kNumber, 8},
    {Kind::kExtension, 0, false, 1},
    {Kind::kExtension, 0, false, 2},
    {Kind::kExtension, 0, false, 4},
    {Kind::kExtension, 0, false, 8},
    {Kind::kExtension, 0, false, 16},
    {Kind::kText, 1},
    {Kind::kText, 2},
    {Kind::kText, 4},
    {Kind::kArray, 2},
    {Kind::kArray, 4},
    {Kind::kMap, 2},
    {Kind::kMap, 4},
};

constexpr int kNdarray = 1;
constexpr int kComplex = 2;
constexpr int kScalar = 3;

// A map or an array that is being read.
struct Level {
  bool is_map = false;
  uint64_t left = 0;  // values or pairs
  uint64_t number = 0;
  bool key_was_read = false;
};

// A method that reads says false when it cannot go on, and why has been said, or stands in bytes_.status().
class Inspection {
 public:
  explicit Inspection(Subject& subject) : subject_(subject), bytes_(subject.bytes()) {}

  absl::Status Run() {
    Head head;
    if (Next(head)) {
      if (head.kind != Kind::kMap) {
        Stop(rules::kMsgpackBroken, 0, "it is no map");
      } else if (Open(head) && ReadLevels() && !bytes_.at_end()) {
        Stop(rules::kMsgpackBroken, bytes_.offset(), fmt::format("{} bytes follow", bytes_.left_bytes()));
      }
    }
    return bytes_.status();
  }

 private:
  bool ReadLevels() {
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.left == 0) {
        levels_.pop_back();
        continue;
      }
      if (level.is_map && !level.key_was_read) {
        level.key_was_read = true;
        if (!ReadKey(level.number)) return false;
        continue;
      }
      level.key_was_read = false;
      --level.left;
      if (!ReadValue()) return false;
    }
    return true;
  }

  bool ReadKey(uint64_t map) {
    const uint64_t offset = bytes_.offset();
    Head head;
    std::string key;
    if (!Next(head)) return false;
    if (head.kind != Kind::kText || head.size > kMostKeyBytes) {
      return Stop(rules::kMsgpackKey, offset, "a key is no text, or a long one");
    }
    if (!bytes_.Append(head.size, key)) return Cut();
    if (!IsValidUtf8(key)) return Stop(rules::kMsgpackKey, offset, "a key is not UTF-8");
    if (!keys_.insert(absl::HashOf(map, key)).second) {
      return Stop(rules::kMsgpackKey, offset, fmt::format("the key {} stands twice", Quoted(key)));
    }
    return keys_.size() <= kMostKeys || Stop(rules::kTooComplex, offset, "too many keys");
  }

  bool ReadValue() {
    Head head;
    if (!Next(head)) return false;
    switch (head.kind) {
      case Kind::kNumber:
        return true;
      case Kind::kText:
      case Kind::kBytes:
        return bytes_.Skip(head.size) || Cut();
      case Kind::kArray:
      case Kind::kMap:
        return Open(head);
      case Kind::kExtension:
        break;
    }
    return ReadExtension(head);
  }

  bool Open(const Head& head) {
    const bool is_map = head.kind == Kind::kMap;
    if (levels_.size() >= kMostDepth) {
      return Stop(rules::kTooComplex, bytes_.offset(),
                  fmt::format("more than {} maps inside each other", kMostDepth));
    }
    // Every value takes a byte at least.
    if (head.size > bytes_.left_bytes() / (is_map ? 2 : 1)) {
      return Stop(rules::kMsgpackBroken, bytes_.offset(),
                  fmt::format("{} values, the file has no room for them", head.size));
    }
    levels_.push_back({.is_map = is_map, .left = head.size, .number = ++level_count_});
    return true;
  }

  bool ReadExtension(const Head& extension) {
    const uint64_t begin = bytes_.offset();
    if (extension.size > bytes_.left_bytes()) return Cut();
    const uint64_t end = begin + extension.size;
    bool good = false;
    switch (extension.type) {
      case kNdarray:
      case kScalar:
        good = ReadNdarray(end, extension.type == kScalar);
        break;
      case kComplex:
        good = ReadComplex();
        break;
      default:
        return Stop(rules::kMsgpackExtension, begin,
                    fmt::format("an extension of type {}, which no weights have", extension.type));
    }
    if (!good) return false;
    if (bytes_.offset() == end) return true;
    return Stop(rules::kMsgpackArray, begin, "an array is longer or shorter than its extension");
  }

  // Shape, dtype, bytes; a scalar may go without a shape.
  bool ReadNdarray(uint64_t end, bool is_scalar) {
    const uint64_t begin = bytes_.offset();
    Head head;
    if (!Next(head)) return false;
    const bool has_shape = head.size == 3;
    if (head.kind != Kind::kArray || !(has_shape || (is_scalar && head.size == 2))) {
      return Stop(rules::kMsgpackArray, begin, "an array is not shape, dtype and bytes");
    }
    uint64_t expected = 1;
    if (has_shape && !ReadShape(expected)) return false;
    std::string dtype;
    if (!Next(head)) return false;
    if (head.kind == Kind::kText && head.size <= kMostDTypeBytes && !bytes_.Append(head.size, dtype))
      return Cut();
    const uint64_t item_bytes = DTypeBytes(dtype);
    if (item_bytes == 0) {
      return Stop(rules::kMsgpackDType, begin,
                  fmt::format("an array of the unknown dtype {}", Quoted(dtype)));
    }
    if (!Next(head)) return false;
    if (head.kind != Kind::kBytes || head.size > end - std::min(end, bytes_.offset())) {
      return Stop(rules::kMsgpackArray, begin, "an array whose bytes are none, or go beyond it");
    }
    if (!MultiplyBy(expected, item_bytes) || expected != head.size) {
      return Stop(rules::kMsgpackArray, begin,
                  fmt::format("an array with {} bytes, its shape says another number", head.size));
    }
    return bytes_.Skip(head.size) || Cut();
  }

  bool ReadShape(uint64_t& elements) {
    const uint64_t begin = bytes_.offset();
    Head head;
    if (!Next(head)) return false;
    bool good = head.kind == Kind::kArray && head.size <= kMostDimensions;
    for (uint64_t left = good ? head.size : 0; left > 0 && good; --left) {
      Head size;
      if (!Next(size)) return false;
      good = size.number.has_value() && MultiplyBy(elements, *size.number);
    }
    return good || Stop(rules::kMsgpackArray, begin, "the shape of an array is no list of sizes");
  }

  bool ReadComplex() {
    const uint64_t begin = bytes_.offset();
    Head pair;
    Head real;
    Head imaginary;
    if (!Next(pair)) return false;
    if (pair.kind == Kind::kArray && pair.size == 2) {
      if (!Next(real) || !Next(imaginary)) return false;
      if (real.kind == Kind::kNumber && imaginary.kind == Kind::kNumber) return true;
    }
    return Stop(rules::kMsgpackArray, begin, "a complex number is not two numbers");
  }

  static uint64_t DTypeBytes(std::string_view name) {
    for (const DType& dtype : kDTypes) {
      if (dtype.name == name) return dtype.bytes;
    }
    return 0;
  }

  bool Next(Head& head) {
    const uint64_t offset = bytes_.offset();
    uint8_t byte = 0;
    if (!bytes_.Next(byte)) return Cut();
    head = Head();
    if (byte < 0x80) {
      head.number = byte;
    } else if (byte < 0xC0) {
      head.kind = byte < 0x90 ? Kind::kMap : byte < 0xA0 ? Kind::kArray : Kind::kText;
      head.size = byte & (byte < 0xA0 ? 0x0FU : 0x1FU);
    } else if (byte < 0xE0) {
      return Next(head, kForms[byte - 0xC0U], offset);
    }
    return true;
  }

  bool Next(Head& head, const Form& form, uint64_t offset) {
    if (!form.is_known) return Stop(rules::kMsgpackBroken, offset, "a byte that begins no value");
    uint64_t value = form.size;
    // Big-endian.
    for (int i = 0; i < form.number_bytes; ++i) {
      uint8_t byte = 0;
      if (!bytes_.Next(byte)) return Cut();
      value = value << 8U | byte;
    }
    head.kind = form.kind;
    if (form.is_unsigned) head.number = value;
    if (form.kind != Kind::kNumber) head.size = value;
    if (form.kind != Kind::kExtension) return true;
    uint8_t type = 0;
    if (!bytes_.Next(type)) return Cut();
    head.type = static_cast<int8_t>(type);
    return true;
  }

  bool Stop(const Rule& rule, uint64_t offset, std::string_view text) {
    subject_.Add(rule, offset, text);
    return false;
  }

  // The bytes ended, or could not be read.
  bool Cut() {
    return bytes_.status().ok() ? Stop(rules::kMsgpackBroken, bytes_.offset(), "it ends inside a value")
                                : false;
  }

  Subject& subject_;
  ByteReader bytes_;
  std::vector<Level> levels_;
  uint64_t level_count_ = 0;
  absl::flat_hash_set<size_t> keys_;  // of all maps, each with its number
};

}  // namespace

bool IsMsgpack(std::string_view first) {
  if (first.empty()) return false;
  const auto byte = static_cast<unsigned char>(first.front());
  return (byte >= 0x80 && byte < 0x90) || byte == 0xDE || byte == 0xDF;
}

absl::Status InspectMsgpack(Subject& subject) {
  subject.SetFormat("msgpack");
  return Inspection(subject).Run();
}

}  // namespace batuta::safety
