#pragma once

#include <string>
#include <string_view>

// Texts as YAML, such that every reader, of YAML 1.1 or 1.2, reads the same text again. Pure.
namespace batuta::card {

// One line without its end: plain where that is safe, else in quotes (`'no'`, `'2024-01-01'`, `'12:30'`,
// `"a\tb"`).
std::string YamlText(std::string_view text);

// A number as JSON writes one, such that it is a number for every reader: `1.0e-05` for `1e-05`.
std::string YamlNumber(std::string_view number);

}  // namespace batuta::card
