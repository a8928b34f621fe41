#pragma once

#include <string>
#include <string_view>

// Words that the hub knows, where a card may hold no others. Pure.
namespace batuta::card {

// Is it a task of the hub (`text-generation`)?
bool IsPipelineTag(std::string_view text);

// Has it the form of a language: ISO 639-1, -2 or -3 in lower case, `code`, `multilingual`?
bool IsLanguageCode(std::string_view text);

// `adapter`, `merge`, `quantized`, `finetune`.
bool IsBaseRelation(std::string_view text);

// The hub's id of a licence that is stated as its id, as an SPDX id (`Apache-2.0`) or by its usual name;
// empty when it has none.
std::string LicenseId(std::string_view stated);

// The hub's id of the licence of which `text` is the beginning; empty when it is not recognised.
std::string LicenseOfText(std::string_view text);

// `text` when it is a git commit, 40 or 64 hex digits (7 at least, when shortened); empty otherwise.
std::string CommitOf(std::string_view text);

}  // namespace batuta::card
