#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "daemon/secrets/rule.h"

namespace batuta::secrets {

// What a pattern matched, and all that stands around it.
struct Candidate {
  std::string_view text;
  size_t begin = 0;  // of the secret
  size_t end = 0;
  size_t anchor = 0;  // where the literal begins that led here

  std::string_view secret() const { return text.substr(begin, end - begin); }
};

// Does it pass what its rule asks beyond the pattern? Pure. Checks that need no context hold for any text.
bool PassesChecks(const Rule& rule, const Candidate& candidate);

// Offsets in the text that is given.
struct Span {
  size_t begin = 0;
  size_t end = 0;
};

// The base64 of a private key behind its first line, in raw text or inside of strings of programs, JSON and
// notebooks. Nothing where it is too short to be one, or is no key.
std::optional<Span> FindKeyBody(std::string_view text, size_t after_first_line);

// Does something that is no part of a longer token end before `at`? An escape sequence (`\n`, `%3D`,
// `\u003d`) is none, though its last byte may be a letter.
bool IsBoundaryBefore(std::string_view text, size_t at);

// `of_base64`: a value in whose alphabet `+`, `/` and `=` are too.
bool IsBoundaryAfter(std::string_view text, size_t at, bool of_base64);

}  // namespace batuta::secrets
