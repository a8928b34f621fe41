#pragma once

#include <string_view>

namespace batuta {

// fnmatch as the Python library uses it for allow and ignore patterns: case-sensitive, `*` and `?` also match
// `/`,
// `[abc]`, `[!abc]`, `[a-z]`; a pattern ending in `/` stands for everything below that folder. Never
// recursive: linear in the text for any pattern with one star, quadratic at worst. Pure.
bool MatchesGlob(std::string_view pattern, std::string_view path);

}  // namespace batuta
