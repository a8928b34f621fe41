#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/safety/pickle/value.h"

namespace batuta::safety::pickle {

// What a line of text is as an argument of INT (I), LONG (L), FLOAT (F), STRING (S) or UNICODE (V).
enum class ArgumentForm : uint8_t {
  kPlain,       // as picklers write it
  kOdd,         // some machine may take it, none writes it
  kImpossible,  // every machine stops
};

ArgumentForm FormOf(char opcode, std::string_view line);

// A whole number in decimal, at most 18 digits.
std::optional<uint64_t> PlainDecimal(std::string_view line);

// Of INT and LONG: the number, or one of which nothing is known.
Value NumberOf(std::string_view line);

// Could this be the name of a module, or of something in one?
bool IsPlausibleName(std::string_view name);

}  // namespace batuta::safety::pickle
