#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/card/facts.h"

namespace batuta::card {

// One field of the metadata of a card, as YAML.
struct Field {
  std::string key;
  std::vector<std::string> lines;  // without line ends; the first begins with `key:`
};

// What the facts say, in the order in which a card has it: only what is known, and only what the hub's rules
// allow (hub-protocol 7.2, 7.3): a `license` that is none of the hub's is `other` with its name and file, or
// left out; a measurement without task or dataset is not in `model-index`. Pure.
std::vector<Field> FrontMatterFields(const Facts& facts, std::string_view model_name);

}  // namespace batuta::card
