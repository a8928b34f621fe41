#pragma once

#include <cstdint>

// Ids of tensor types (gguf/tensor_type.h) that rules name.
namespace batuta::fit::type {

inline constexpr uint32_t kF32 = 0;
inline constexpr uint32_t kF16 = 1;
inline constexpr uint32_t kQ40 = 2;
inline constexpr uint32_t kQ41 = 3;
inline constexpr uint32_t kQ50 = 6;
inline constexpr uint32_t kQ51 = 7;
inline constexpr uint32_t kQ80 = 8;
inline constexpr uint32_t kQ2K = 10;
inline constexpr uint32_t kQ3K = 11;
inline constexpr uint32_t kQ4K = 12;
inline constexpr uint32_t kQ5K = 13;
inline constexpr uint32_t kQ6K = 14;
inline constexpr uint32_t kIq2Xxs = 16;
inline constexpr uint32_t kIq2Xs = 17;
inline constexpr uint32_t kIq3Xxs = 18;
inline constexpr uint32_t kIq1S = 19;
inline constexpr uint32_t kIq4Nl = 20;
inline constexpr uint32_t kIq3S = 21;
inline constexpr uint32_t kIq2S = 22;
inline constexpr uint32_t kIq4Xs = 23;
inline constexpr uint32_t kIq1M = 29;
inline constexpr uint32_t kBf16 = 30;
inline constexpr uint32_t kTq10 = 34;
inline constexpr uint32_t kTq20 = 35;
inline constexpr uint32_t kMxfp4 = 39;
inline constexpr uint32_t kNvfp4 = 40;
inline constexpr uint32_t kQ10 = 41;

}  // namespace batuta::fit::type
