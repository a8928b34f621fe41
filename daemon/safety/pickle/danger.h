#pragma once

#include <string_view>

namespace batuta::safety::pickle {

// What a global that no weights need gives an attacker, as a clause for a person: "runs a command". Empty
// when nothing of that kind is known of it, which does not make it harmless. `name` may be dotted.
std::string_view FindDanger(std::string_view module, std::string_view name);

// How Python 3 renames what Python 2 wrote, for protocols below 3. The views are into the arguments or a
// table.
struct Renamed {
  std::string_view module;
  std::string_view name;
};

Renamed RenamedForPython3(std::string_view module, std::string_view name);

}  // namespace batuta::safety::pickle
