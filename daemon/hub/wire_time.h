#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/time/clock.h"

namespace batuta::hub {

// `2025-03-04T10:11:12.000Z`, as the hub's JSON spells times: UTC, with or without a fraction of a second.
std::optional<WallTime> ParseRfc3339(std::string_view text);

// `20261102T081530Z`, as signed links spell the time of their signature.
std::optional<WallTime> ParseCompactTime(std::string_view text);

// Decimal digits only, all of `text`; nullopt on overflow.
std::optional<uint64_t> ParseDecimal(std::string_view text);

}  // namespace batuta::hub
