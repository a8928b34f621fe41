#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/time/clock.h"
#include "daemon/budget/window.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::budget {

// SimulatedHub counts requests as the hub does: fixed windows per token and kind, a word about them in every
// answer, 429 when one is used up. Answers come `latency` later, by turns fast and slow, so that they
// overtake each other.
class SimulatedHub {
 public:
  struct Options {
    std::string endpoint = "https://hub.test";
    uint64_t quota = 50;
    std::chrono::seconds window{60};
    std::chrono::milliseconds latency{100};
    bool sends_headers = true;
    bool sends_retry_after = false;
  };

  SimulatedHub(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

  FakeAnswer Answer(const transport::HttpRequest& request);

  // Requests of somebody else with the same token or address.
  void SpendElsewhere(uint64_t count) { elsewhere_ += count; }

  uint64_t served() const { return served_; }

  uint64_t refused() const { return refused_; }

 private:
  struct Window {
    SteadyTime resets_at;
    uint64_t used = 0;
  };

  const Options options_;
  const Clock& clock_;
  std::map<std::pair<std::string, WindowKind>, Window> windows_;
  uint64_t elsewhere_ = 0;
  uint64_t served_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace batuta::budget
