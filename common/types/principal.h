#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace batuta {

// Principal is who asks: the uid of the socket peer, proven by the kernel, and the name the tool gave itself
// (a hint for people and for fair queueing, never for permission).
struct Principal {
  uint32_t uid = 0;
  std::string tool;

  friend auto operator<=>(const Principal&, const Principal&) = default;
};

}  // namespace batuta
