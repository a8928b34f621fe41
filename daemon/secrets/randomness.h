#pragma once

#include <string_view>

// Does a value look as if chance had made it? Pure.
namespace batuta::secrets {

// Shannon's, of its bytes, in bits each.
double Entropy(std::string_view value);

// All but about one in a thousand random values of this length and alphabet have more.
double LeastEntropy(std::string_view value);

inline bool LooksRandom(std::string_view value) {
  return Entropy(value) >= LeastEntropy(value);
}

// Is it put together from words, as identifiers and slugs are? Two words or more that make up most of it, or
// one that nearly is it; and letters alone with next to no capitals after small ones.
bool IsMadeOfWords(std::string_view value);

// How many letters of both cases and digits are there?
struct Classes {
  int lower = 0;
  int upper = 0;
  int digits = 0;
  int others = 0;
};

Classes ClassesOf(std::string_view value);

}  // namespace batuta::secrets
