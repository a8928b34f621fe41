// Percent coding, query strings and base64: the small grammar of a request line. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batuta::hubsim {

using QueryParams = std::vector<std::pair<std::string, std::string>>;

// Decodes %XX once; a stray % stays as it is. '+' becomes a blank only where `plus_is_blank` (query strings,
// forms).
std::string PercentDecode(std::string_view text, bool plus_is_blank = false);

// Encodes everything but A-Z a-z 0-9 - . _ ~ and the characters of `keep`.
std::string PercentEncode(std::string_view text, std::string_view keep = "");

// A path for a URL: '/' stays.
std::string EncodePath(std::string_view path);

// "a=1&b=2", decoded, in order of appearance.
QueryParams ParseQuery(std::string_view text);

// The first value of `name`, if any.
std::optional<std::string> QueryValue(const QueryParams& params, std::string_view name);

// All values of `name` and of its bracket form `name[]`.
std::vector<std::string> QueryValues(const QueryParams& params, std::string_view name);

// True for "true", "1", "True"; false for anything else and when absent.
bool QueryFlag(const QueryParams& params, std::string_view name);

std::vector<std::string> Split(std::string_view text, char separator);

std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);

// A whole, non-negative decimal number and nothing else.
std::optional<std::uint64_t> ParseNumber(std::string_view text);

std::string ToLower(std::string_view text);

// Shell-style match of the whole text: '*' any run (also of '/'), '?' one character.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace batuta::hubsim
