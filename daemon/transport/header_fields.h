#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "common/time/clock.h"

// Small grammars that several header fields of HTTP share. All pure, all safe on any input.
namespace batuta::transport {

// ASCII letters only, as names of fields compare.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// Without blanks and tabs at either end.
std::string_view Trimmed(std::string_view text);

// Any of the three date forms of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`,
// `Sun Nov  6 08:49:37 1994`. The name of the day is not checked.
std::optional<WallTime> ParseHttpDate(std::string_view text);

// The value of `Retry-After`: seconds (clamped to a day) or a date, of which `now` is taken off; never
// negative.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view value, WallTime now);

}  // namespace batuta::transport
