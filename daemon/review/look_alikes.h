#pragma once

#include <string>
#include <string_view>

// How a name looks (Unicode Technical Standard 39, cut down to what repo ids are made of). Pure; linear in
// the text.
namespace batuta::review {

// `text` in the characters that a repo id may have: what only looks like one of them (Cyrillic, Greek, full
// width, accents …) becomes it, what is not seen at all goes, anything else stays.
std::string PlainForm(std::string_view text);

// What two texts have in common that are hard to tell apart: the plain form with I, 1, | as l, 0 as o, m as
// rn, w as vv, without letter case and without `-`, `_` and `.`.
std::string Skeleton(std::string_view text);

// Lower case, without `-`, `_` and `.`.
std::string Letters(std::string_view text);

}  // namespace batuta::review
