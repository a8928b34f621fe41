// What the hub says of a README's front matter before it takes it. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace batuta::hubsim {

struct CardRemarks {
  std::vector<std::string> errors = {};  // any of them: the README is refused
  std::vector<std::string> warnings = {};
};

// No field is required; those that are there must have the form that the hub expects.
CardRemarks CheckCard(std::string_view readme);

}  // namespace batuta::hubsim
