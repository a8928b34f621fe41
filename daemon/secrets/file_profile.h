#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/secrets/matcher.h"
#include "daemon/secrets/rule.h"

namespace batuta::secrets {

// Enough of a file's beginning to know what it is.
inline constexpr size_t kHeadBytes = 8 << 10;

// How a file is to be looked at: by its name, and by whether its beginning is text. Of vocabularies, lock
// files, data and whatever is not text, only kinds count that say themselves what they are. Pure.
Profile ProfileOf(std::string_view path, std::string_view head, uint64_t size_bytes);

// The rule of the name, where a file is one that has secrets by its very kind. Pure.
const NameRule* FindNameRule(std::string_view path);

// Does the content bear out what the name says? `text` is the beginning; the line of what decided.
std::optional<uint64_t> ConfirmName(const NameRule& rule, std::string_view text);

bool IsText(std::string_view head);

}  // namespace batuta::secrets
