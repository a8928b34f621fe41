#include "daemon/safety/graph/lookup3.h"

#include <array>
#include <bit>
#include <cstring>

namespace batuta::safety {
namespace {

using State = std::array<uint32_t, 3>;

// One step: `to` loses `from`, is mixed with it turned, and `from` gains the third.
void Mix(State& s) {
  constexpr std::array<int, 6> kTurns = {4, 6, 8, 16, 19, 4};
  for (size_t i = 0; i < kTurns.size(); ++i) {
    uint32_t& a = s[i % 3];
    uint32_t& b = s[(i + 1) % 3];
    uint32_t& c = s[(i + 2) % 3];
    a -= c;
    a ^= std::rotl(c, kTurns[i]);
    c += b;
  }
}

void Finish(State& s) {
  constexpr std::array<int, 7> kTurns = {14, 11, 25, 16, 4, 14, 24};
  for (size_t i = 0; i < kTurns.size(); ++i) {
    uint32_t& to = s[(i + 2) % 3];
    const uint32_t from = s[(i + 1) % 3];
    to ^= from;
    to -= std::rotl(from, kTurns[i]);
  }
}

// Twelve bytes, or what there is of them.
void Add(State& s, std::string_view bytes) {
  State words = {};
  std::memcpy(words.data(), bytes.data(), bytes.size());
  for (size_t i = 0; i < s.size(); ++i) s[i] += words[i];
}

}  // namespace

uint32_t Lookup3(std::string_view bytes) {
  constexpr size_t kBlockBytes = 12;
  State s;
  s.fill(0xdeadbeefU + static_cast<uint32_t>(bytes.size()));
  for (; bytes.size() > kBlockBytes; bytes.remove_prefix(kBlockBytes)) {
    Add(s, bytes.substr(0, kBlockBytes));
    Mix(s);
  }
  if (bytes.empty()) return s[2];
  Add(s, bytes);
  Finish(s);
  return s[2];
}

}  // namespace batuta::safety
