#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batuta::safety::pickle {

// A literal of Python as numpy writes it in its headers: text, whole numbers, True, False, None, tuples,
// lists and dicts.
struct Literal {
  enum class Kind : uint8_t { kText, kNumber, kBool, kNone, kTuple, kList, kDict };

  Kind kind = Kind::kNone;
  std::string text;
  int64_t number = 0;          // also of a bool
  std::vector<Literal> items;  // of a dict: key, value, key, value

  // The value of a key of a dict; null when it has none such.
  const Literal* Find(std::string_view key) const;
};

// What `source` is, blanks around it aside; nothing when it is anything else: a name, a call, an operator,
// something incomplete, something nested deeper than numpy's types ever are. Work and memory are linear in
// the source.
std::optional<Literal> ParseLiteral(std::string_view source);

}  // namespace batuta::safety::pickle
