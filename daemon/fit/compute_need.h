#pragma once

#include <cstdint>

#include "daemon/fit/cache_need.h"
#include "daemon/fit/model_shape.h"

namespace batuta::fit {

// Buffers for the computation, with flash attention. Upper bounds: what is planned in the end depends on how
// an allocator overlaps tensors.
struct ComputeNeed {
  uint64_t gpu_bytes = 0;     // on each GPU
  uint64_t host_bytes = 0;    // in memory when the GPUs have all layers
  uint64_t cpu_bytes = 0;     // in memory when they have not
  uint64_t output_bytes = 0;  // in memory, always: the answer for one sequence
};

ComputeNeed ComputeNeedOf(const ModelShape& shape, const CacheNeed& cache);

// Of a process, besides: libraries and vocabulary.
inline constexpr uint64_t kProcessBytes = uint64_t{400} << 20;

// For what a projector computes, besides its weights.
inline constexpr uint64_t kProjectorBytes = uint64_t{1} << 30;

}  // namespace batuta::fit
