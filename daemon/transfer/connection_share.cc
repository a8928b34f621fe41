#include "daemon/transfer/connection_share.h"

#include <algorithm>
#include <optional>

namespace batuta::transfer {
namespace {

// The blob that gains most from one more connection.
std::optional<size_t> Neediest(std::span<const ConnectionDemand> demands, const std::vector<int>& shares) {
  std::optional<size_t> best;
  uint64_t best_load = 0;
  for (size_t i = 0; i < demands.size(); ++i) {
    if (shares[i] == 0 || shares[i] >= demands[i].wanted) continue;
    const uint64_t load = demands[i].rest_bytes / static_cast<uint64_t>(shares[i]);
    if (best && load <= best_load) continue;
    best = i;
    best_load = load;
  }
  return best;
}

}  // namespace

std::vector<int> ShareConnections(std::span<const ConnectionDemand> demands, int total, int spare) {
  std::vector<int> shares(demands.size(), 0);
  for (size_t i = 0; i < demands.size() && total > 0; ++i) {
    if (demands[i].wanted <= 0) continue;
    shares[i] = 1;
    --total;
  }
  for (int left = std::min(total, spare); left > 0; --left) {
    const std::optional<size_t> next = Neediest(demands, shares);
    if (!next) break;
    ++shares[*next];
  }
  return shares;
}

}  // namespace batuta::transfer
