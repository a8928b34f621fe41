#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace batuta::review {

// ASCII letters in lower case; everything else as it is.
char LowerOf(char c);
std::string Lower(std::string_view text);

// What lies between the `separators`, without what is empty. The views are of `text`.
std::vector<std::string_view> Split(std::string_view text, std::string_view separators);

}  // namespace batuta::review
