#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "daemon/fit/model_shape.h"

// The attention cache and the recurrent states of one sequence.
namespace batuta::fit {

// How the elements of the cache are stored.
enum class CacheType { kF16, kQ80, kQ40 };

// "f16", "q8_0", "q4_0"; "" is f16.
std::optional<CacheType> ParseCacheType(std::string_view text);
std::string_view NameOf(CacheType type);

struct CacheNeed {
  std::vector<uint64_t> layer_bytes;  // of each layer of the shape
  uint64_t total_bytes = 0;
  uint64_t cells = 0;  // of the full and of the windowed layers together; 0 = there is no attention cache
};

// `context` in tokens, at most kMostContext.
CacheNeed CacheNeedOf(const ModelShape& shape, uint64_t context, CacheType type);

inline constexpr uint64_t kMostContext = uint64_t{1} << 27;

// Tokens that are computed at once, as the usual programs do it unless they are told otherwise.
inline constexpr uint64_t kBatchTokens = 512;

}  // namespace batuta::fit
