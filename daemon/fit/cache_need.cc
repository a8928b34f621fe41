#include "daemon/fit/cache_need.h"

#include <algorithm>

namespace batuta::fit {
namespace {

constexpr uint64_t kCellsAtOnce = 256;

uint64_t PaddedCells(uint64_t tokens) {
  return (tokens + kCellsAtOnce - 1) / kCellsAtOnce * kCellsAtOnce;
}

// Bytes of 32 elements, of which every padded number of cells has a whole number.
uint64_t BlockBytes(CacheType type) {
  switch (type) {
    case CacheType::kF16:
      return 64;
    case CacheType::kQ80:
      return 34;
    case CacheType::kQ40:
      return 18;
  }
  return 64;
}

}  // namespace

std::optional<CacheType> ParseCacheType(std::string_view text) {
  if (text.empty() || text == "f16") return CacheType::kF16;
  if (text == "q8_0") return CacheType::kQ80;
  if (text == "q4_0") return CacheType::kQ40;
  return std::nullopt;
}

std::string_view NameOf(CacheType type) {
  switch (type) {
    case CacheType::kF16:
      return "f16";
    case CacheType::kQ80:
      return "q8_0";
    case CacheType::kQ40:
      return "q4_0";
  }
  return "f16";
}

CacheNeed CacheNeedOf(const ModelShape& shape, uint64_t context, CacheType type) {
  const uint64_t cells = PaddedCells(std::min(context, kMostContext));
  const uint64_t window_cells = std::min(cells, PaddedCells(shape.window + kBatchTokens));
  CacheNeed need;
  bool has_full = false;
  bool has_windowed = false;
  for (const LayerShape& layer : shape.layers) {
    const uint64_t width = layer.key_width + layer.value_width;
    const uint64_t layer_cells = layer.is_windowed ? window_cells : cells;
    const uint64_t bytes = width * layer_cells / 32 * BlockBytes(type) + layer.state_bytes;
    need.layer_bytes.push_back(bytes);
    need.total_bytes += bytes;
    has_full = has_full || (width > 0 && !layer.is_windowed);
    has_windowed = has_windowed || (width > 0 && layer.is_windowed);
  }
  need.cells = (has_full ? cells : 0) + (has_windowed ? window_cells : 0);
  return need;
}

}  // namespace batuta::fit
