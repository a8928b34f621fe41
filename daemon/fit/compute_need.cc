#include "daemon/fit/compute_need.h"

#include <algorithm>

namespace batuta::fit {

ComputeNeed ComputeNeedOf(const ModelShape& shape, const CacheNeed& cache) {
  constexpr uint64_t kElementBytes = 4;
  const uint64_t batch_bytes = kElementBytes * kBatchTokens;
  const uint64_t embedding = shape.embedding;
  const uint64_t vocabulary = shape.has_output ? shape.vocabulary : 0;
  const uint64_t cells = cache.cells;
  // Feed-forward and latent attention take the same buffers as the logits, at another time.
  const uint64_t inside = 3 * shape.feed_forward + 4 * embedding + shape.heads * shape.latent_width + cells;
  ComputeNeed need;
  need.gpu_bytes = batch_bytes * std::max(vocabulary + 3 * embedding + cells, inside);
  need.cpu_bytes = batch_bytes * std::max(vocabulary + 5 * embedding + cells, inside);
  need.host_bytes = batch_bytes * (2 * embedding + cells);
  need.output_bytes = kElementBytes * vocabulary;
  return need;
}

}  // namespace batuta::fit
