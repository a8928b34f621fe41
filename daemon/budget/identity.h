#pragma once

#include <string>
#include <string_view>

#include "common/types/secret.h"

namespace batuta::budget {

// Under which name the requests of a token are counted and shown: "anonymous" for none, else the first 12 hex
// digits of HMAC-SHA256(salt, token), from which nobody gets the token back. Pure.
std::string IdentityOf(std::string_view salt, const Secret& token);

}  // namespace batuta::budget
