#pragma once

#include <cstdint>

// Sums and products of numbers from a file: false where the result is beyond 64 bits, which leaves `value` as
// it was. A product of many factors is checked factor by factor, so that a 0 at its end hides nothing.
namespace batuta::safety {

inline bool MultiplyBy(uint64_t& value, uint64_t factor) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(value, factor, &product)) return false;
  value = product;
  return true;
}

inline bool AddTo(uint64_t& value, uint64_t more) {
  uint64_t sum = 0;
  if (__builtin_add_overflow(value, more, &sum)) return false;
  value = sum;
  return true;
}

}  // namespace batuta::safety
