#include "daemon/transfer/connection_share.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace batuta::transfer {
namespace {

// How many connections each party has.
std::vector<int> ByParty(std::span<const ConnectionDemand> demands, const std::vector<int>& shares) {
  std::vector<int> sums;
  for (size_t i = 0; i < demands.size(); ++i) {
    if (sums.size() <= demands[i].party) sums.resize(demands[i].party + 1, 0);
    sums[demands[i].party] += shares[i];
  }
  return sums;
}

// The blob that is to have one more connection.
std::optional<size_t> Neediest(std::span<const ConnectionDemand> demands, const std::vector<int>& shares,
                               const std::vector<int>& by_party) {
  std::optional<size_t> best;
  std::tuple<int, int, uint64_t> best_rank;
  for (size_t i = 0; i < demands.size(); ++i) {
    const ConnectionDemand& demand = demands[i];
    if (shares[i] == 0 || shares[i] >= demand.wanted) continue;
    const uint64_t load = demand.rest_bytes / static_cast<uint64_t>(shares[i]);
    const std::tuple rank(demand.rank, by_party[demand.party], ~load);
    if (best && rank >= best_rank) continue;
    best = i;
    best_rank = rank;
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
  std::vector<int> by_party = ByParty(demands, shares);
  for (int left = std::min(total, spare); left > 0; --left) {
    const std::optional<size_t> next = Neediest(demands, shares, by_party);
    if (!next) break;
    ++shares[*next];
    ++by_party[demands[*next].party];
  }
  return shares;
}

}  // namespace batuta::transfer
