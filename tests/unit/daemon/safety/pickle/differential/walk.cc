// For walk_test.py: reads pickles from standard input, each behind its length in four bytes, and writes a
// line for each: how it is judged, and what it imports.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>

#include "daemon/safety/pickle/pickle.h"
#include "tests/support/safety/inspect.h"

int main() {
  using namespace batuta::safety;  // NOLINT: one function
  char header[4];
  while (std::cin.read(header, sizeof header)) {
    uint32_t size = 0;
    std::memcpy(&size, header, sizeof size);
    std::string bytes(size, '\0');
    if (!std::cin.read(bytes.data(), size)) return 1;
    const Verdict verdict = InspectWith(InspectPickle, bytes);
    const auto has = [&](std::string_view code) {
      return std::ranges::any_of(verdict.findings,
                                 [&](const Finding& finding) { return finding.code == code; });
    };
    std::cout << (has("pickle-frame")             ? "lying frame"
                  : has("pickle-computed-import") ? "computed import"
                                                  : PickleJudgement(verdict));
    for (const std::string& global : verdict.globals) std::cout << '\t' << global;
    std::cout << std::endl;
  }
  return 0;
}
