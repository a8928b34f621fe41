#pragma once

#include "daemon/safety/base/rule.h"

namespace batuta::safety::rules {

inline constexpr Rule kMediaBroken{
    "media-broken", Grade::kInvalid,
    "a picture, sound, film, document or table breaks the rules of its format"};
inline constexpr Rule kMediaTrailing{
    "media-trailing", Grade::kInvalid,
    "something follows the end of a picture, sound, film, document or table"};

}  // namespace batuta::safety::rules
