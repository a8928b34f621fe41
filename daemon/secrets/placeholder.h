#pragma once

#include <string_view>

// What stands where a secret would, and is none. Pure.
namespace batuta::secrets {

// Written by a person to show what a secret looks like: "example", "xxxx", one character again and again, an
// alphabet or a keyboard row.
bool IsMock(std::string_view value);

// That, or a word that is no secret, a reference to where one is kept, a path, a URL, a number, a date.
bool IsPlaceholder(std::string_view value);

// Is this, in the name of what is assigned, no sign of a secret: "max_tokens", "password_policy",
// "token_file"?
bool IsHarmlessName(std::string_view name);

bool IsUuid(std::string_view value);

// In lower case.
std::string_view::size_type FindAnyCase(std::string_view text, std::string_view lower_case);

}  // namespace batuta::secrets
