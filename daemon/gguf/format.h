#pragma once

#include <cstdint>

// The numbers of the GGUF format, for all who read it.
namespace batuta::gguf {

inline constexpr uint32_t kMagic = 0x46554747;  // "GGUF", little-endian
inline constexpr uint64_t kMostKeyBytes = 65'535;

// The fewest bytes that a key-value and a tensor's description take.
inline constexpr uint64_t kLeastPairBytes = 14;
inline constexpr uint64_t kLeastTensorBytes = 24;

inline constexpr uint64_t kDefaultAlignment = 32;
inline constexpr uint32_t kMostDimensions = 4;

// Of a value of the metadata.
enum class ValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

inline constexpr uint32_t kValueTypeCount = 13;

// Bytes of one value; 0 for those that say it themselves.
constexpr uint64_t FixedBytes(ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kBool:
      return 1;
    case ValueType::kU16:
    case ValueType::kI16:
      return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32:
      return 4;
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64:
      return 8;
    case ValueType::kString:
    case ValueType::kArray:
      break;
  }
  return 0;
}

// The fewest bytes that one value of the type takes.
constexpr uint64_t LeastBytes(ValueType type) {
  if (type == ValueType::kString) return 8;
  if (type == ValueType::kArray) return 12;
  return FixedBytes(type);
}

}  // namespace batuta::gguf
