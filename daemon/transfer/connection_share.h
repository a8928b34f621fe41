#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace batuta::transfer {

// What one blob in flight could use.
struct ConnectionDemand {
  int wanted = 0;  // connections; 0 while it opens or finishes
  uint64_t rest_bytes = 0;
  int rank = 0;      // smaller: more urgent
  size_t party = 0;  // who wants it, by a small number
};

// How many connections each blob gets of `total`; `demands` are in order of importance. Every blob that wants
// any gets one before any gets two; then at most `spare` more go, one by one, to the most urgent, of those to
// the party with the fewest connections, of its blobs to the one with the most bytes left per connection.
// Pure.
std::vector<int> ShareConnections(std::span<const ConnectionDemand> demands, int total, int spare);

}  // namespace batuta::transfer
