#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace batuta {

// One step through text that claims to be UTF-8. Invalid input never stops the walk: a byte that does not
// belong to a well-formed sequence is a step of its own.
struct Utf8Step {
  char32_t point = 0;  // the code point, or the byte itself when !valid
  size_t length = 0;   // bytes taken, ≥ 1
  bool valid = false;
};

// The step at `position`, which must lie inside `text`. Refuses overlong forms, surrogates and what is above
// U+10FFFF.
Utf8Step NextUtf8(std::string_view text, size_t position);

// Bytes at the beginning of `text` that are whole, well-formed sequences: all of them in valid text.
size_t ValidUtf8Bytes(std::string_view text);

bool IsValidUtf8(std::string_view text);

// U+0000–U+001F or U+007F–U+009F anywhere in it. Bytes that are not UTF-8 do not count.
bool ContainsControl(std::string_view text);

void AppendUtf8(std::string& out, char32_t point);

}  // namespace batuta
