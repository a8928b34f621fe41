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

// What of a file's name its findings depend on, but for a user's rules: files of one content and one class
// have the same. Pure.
std::string NameClassOf(std::string_view path);

// The name of a compressed file without the end that says so, by which what is in it is called.
std::string_view WithoutPacking(std::string_view path);

// The rule of the name, where a file is one that has secrets by its very kind. Pure.
const NameRule* FindNameRule(std::string_view path);

// Does the content bear out what the name says? `text` is the beginning; the line of what decided.
std::optional<uint64_t> ConfirmName(const NameRule& rule, std::string_view text);

bool IsText(std::string_view head);

}  // namespace batuta::secrets
