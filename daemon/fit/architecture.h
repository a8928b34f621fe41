#pragma once

#include <cstdint>
#include <string_view>

namespace batuta::fit {

// Which layers keep a recurrent state instead of, or besides, an attention cache.
enum class Recurrence {
  kNone,
  kAll,           // only states
  kWithoutHeads,  // states in layers without key-value heads
  kBoth,          // both in every layer
  kInterval,      // attention in one layer of `full_attention_interval`
  kNemotron,      // as kWithoutHeads, and neither in layers that are only feed-forward
};

// What programs know of an architecture that its files do not tell.
struct Architecture {
  std::string_view name;

  // Sliding windows: layer i is windowed when i mod period < period - 1, or > 0 where the first one is full.
  uint32_t period = 0;  // 0 = none
  bool is_first_full = false;
  bool reads_pattern = false;  // the file may tell the period, or say it of each layer
  uint64_t window = 0;         // where the file does not tell
  uint32_t only_layers = 0;    // windows in models of that many layers only; 0 = in all

  Recurrence recurrence = Recurrence::kNone;
  bool has_cache = true;
  bool has_output = true;            // of the size of the vocabulary
  bool predicts_with_cache = false;  // layers that predict more than one token ahead keep a cache
  bool has_cross_attention = false;  // a cache of what was encoded, as large as its own
  uint32_t layers_with_cache = 0;    // only the first ones; 0 = all
};

// An architecture that is not known has no windows; null then.
const Architecture* FindArchitecture(std::string_view name);

}  // namespace batuta::fit
