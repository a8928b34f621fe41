#pragma once

#include <cstdint>
#include <string_view>

namespace batuta::review {

// What one wrong letter counts.
inline constexpr uint32_t kOneLetter = 100;

// How far two names are apart when one was meant and the other written, in hundredths of a wrong letter:
// insertions, deletions, changes and swaps of neighbours (Damerau and Levenshtein), where what the eye or the
// finger takes for the other (1 and l, a doubled letter, a key beside it) counts less, and one number for
// another counts double. Stops above `farthest` and then says no more than that. Pure; quadratic in the
// names, of which 64 bytes each are looked at.
uint32_t Distance(std::string_view a, std::string_view b, uint32_t farthest);

}  // namespace batuta::review
