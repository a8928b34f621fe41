#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace batuta {

// Sizes for people, powers of ten as the hub shows them: `999 B`, `1.2 kB`, `4.98 GB`.
std::string FormatBytes(uint64_t bytes);

// `12.3 MB/s`.
std::string FormatRate(double bytes_per_second);

// `850 ms`, `4.2 s`, `3 m 20 s`, `2 h 05 m`, `3 d 4 h`.
std::string FormatDuration(std::chrono::milliseconds duration);

// `12`, `10k`, `1.5MB`, `2GiB`, `800 MB`: k/M/G/T/P, with `i` powers of two, an optional `B`, any letter
// case.
//   kInvalidArgument (INVALID_ARGUMENT)
absl::StatusOr<uint64_t> ParseBytes(std::string_view text);

// Bytes per second, as ParseBytes() with an optional `/s` behind: `500K`, `10M`, `1.5MB/s`; 0 = no limit.
//   kInvalidArgument (INVALID_ARGUMENT)
absl::StatusOr<uint64_t> ParseRate(std::string_view text);

// `90`, `90s`, `5m`, `2h`, `1d`, `1w`, `1mo` (30 days), `1y`, `250ms`.   kInvalidArgument (INVALID_ARGUMENT)
absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text);

// Makes text from outside safe to print on a terminal: control characters (also U+0080–U+009F and
// bidirectional overrides) become `\xNN` / `\u{…}`, invalid UTF-8 `\xNN`.
std::string Printable(std::string_view text);

// `text` as an error message shows it: printable, in double quotes, inner quotes and backslashes escaped, cut
// with `…` after about `limit_bytes`.
std::string Quoted(std::string_view text, size_t limit_bytes = 200);

// Columns a terminal needs for `text` (UTF-8; wide East Asian characters count two, combining ones zero).
// Controls count zero; a byte that is not UTF-8 counts one.
size_t DisplayWidth(std::string_view text);
size_t DisplayWidthOf(char32_t point);

}  // namespace batuta
