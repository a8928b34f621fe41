#pragma once

#include "daemon/safety/base/rule.h"

// Rules that hold for every format.
namespace batuta::safety::rules {

inline constexpr Rule kTooDeep{"nesting-too-deep", Grade::kBomb,
                               "archives inside archives, too deep to be looked into"};
inline constexpr Rule kTooLarge{"expands-too-far", Grade::kBomb,
                                "decompresses to more than any weights would"};
inline constexpr Rule kTooComplex{"too-complex", Grade::kUnknown,
                                  "too much to be verified within the limits"};

}  // namespace batuta::safety::rules
