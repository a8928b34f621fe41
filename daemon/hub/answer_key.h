#pragma once

#include <string>
#include <string_view>

#include "common/types/secret.h"

namespace batuta::hub {

// Under which name the answer to `url` for the holder of `token` (empty = anybody) is remembered: the first
// 32 hex digits of HMAC-SHA256(salt, token and url). Two tokens never share a name, and neither token nor URL
// can be got back from it. Pure.
std::string AnswerKey(std::string_view salt, const Secret& token, std::string_view url);

}  // namespace batuta::hub
