#pragma once

#include <cstdint>
#include <limits>

namespace batuta::safety::pickle {

enum class Kind : uint8_t {
  kNone,
  kBool,
  kInt,         // the number itself
  kLargeInt,    // beyond 55 bits; its little-endian bytes are kept like a string's
  kFloat,       // of no interest which
  kStr,         // kept, unless too long or written with escapes
  kByteStr,     // a string of Python 2: bytes for some loaders, text for others
  kBytes,       // how many, as far as the file says
  kGlobal,      // an import, by its index
  kStorage,     // what a torch loader gives for a persistent id, by its index
  kUnverified,  // what came of something that is refused already
  // From here on a node in the Heap, by its index.
  kTuple,
  kList,
  kDict,
  kSet,
  kFrozenSet,
  kObject,  // the result of a call that is known to be harmless
};

// One abstract value in eight bytes: what the real machine would hold, as far as it matters. Containers and
// kept strings live in the Heap; copies of a value share them, as in the real machine.
class Value {
 public:
  constexpr Value() : Value(Kind::kUnverified, 0) {}

  static constexpr Value None() { return {Kind::kNone, 0}; }

  static constexpr Value Bool(bool value) { return {Kind::kBool, value ? 1U : 0U}; }

  // `number` has at most 56 bits.
  static constexpr Value Int(int64_t number) { return {Kind::kInt, static_cast<uint64_t>(number)}; }

  static constexpr Value Float() { return {Kind::kFloat, 0}; }

  static constexpr Value Bytes(uint64_t count) { return {Kind::kBytes, count}; }

  static constexpr Value Unverified() { return {Kind::kUnverified, 0}; }

  static constexpr Value Global(uint32_t index) { return {Kind::kGlobal, index}; }

  static constexpr Value Storage(uint32_t index) { return {Kind::kStorage, index}; }

  static constexpr Value Node(Kind kind, uint32_t index) { return {kind, index}; }

  // Text in the Heap.
  static constexpr Value Text(Kind kind, uint32_t place, uint32_t length) {
    return {kind, uint64_t{place} << 16 | length};
  }

  // Text of which nothing is known.
  static constexpr Value Unkept(Kind kind) { return {kind, kUnkept}; }

  constexpr Kind kind() const { return static_cast<Kind>(word_ & 0xff); }

  constexpr bool is_node() const { return kind() >= Kind::kTuple; }

  constexpr bool is_kept() const { return (word_ >> 8) != kUnkept; }

  constexpr int64_t number() const { return static_cast<int64_t>(word_) >> 8; }

  constexpr uint32_t index() const { return static_cast<uint32_t>(word_ >> 8); }

  constexpr uint32_t place() const { return static_cast<uint32_t>(word_ >> 24); }

  constexpr uint32_t length() const { return static_cast<uint32_t>(word_ >> 8) & 0xffff; }

  friend constexpr bool operator==(Value, Value) = default;

 private:
  static constexpr uint64_t kUnkept = std::numeric_limits<uint64_t>::max() >> 8;

  constexpr Value(Kind kind, uint64_t payload) : word_(payload << 8 | static_cast<uint64_t>(kind)) {}

  uint64_t word_;
};

static_assert(sizeof(Value) == 8);

}  // namespace batuta::safety::pickle
