#include "common/text/human.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 7> kByteUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};

// Three significant digits without trailing zeros: 1.2, 12.3, 123.
std::string ThreeDigits(double value) {
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string ScaleBytes(double bytes) {
  size_t unit = 0;
  // 999.5 would be printed as 1000, which belongs to the next unit.
  while (bytes >= 999.5 && unit + 1 < kByteUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  if (unit == 0) return fmt::format("{:.0f} B", bytes);
  return fmt::format("{} {}", ThreeDigits(bytes), kByteUnits[unit]);
}

// Characters that would reorder, hide or break what a terminal shows around them.
bool IsDeceptive(char32_t point) {
  return point == 0x61c || point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069) || point == 0xfeff || (point >= 0xe0000 && point <= 0xe007f);
}

void AppendPrintable(std::string& out, std::string_view text, const Utf8Step& step, size_t position) {
  if (!step.valid || step.point < 0x20 || step.point == 0x7f) {
    out += fmt::format("\\x{:02x}", static_cast<unsigned>(step.point));
  } else if ((step.point >= 0x80 && step.point <= 0x9f) || IsDeceptive(step.point)) {
    out += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(step.point));
  } else {
    out += text.substr(position, step.length);
  }
}

struct Number {
  uint64_t whole = 0;
  long double fraction = 0;  // in [0, 1)
};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Takes `12` or `1.5` off the front of `text`.
std::optional<Number> TakeNumber(std::string_view& text) {
  Number number;
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  for (; !text.empty() && IsDigit(text.front()); text.remove_prefix(1)) {
    const auto digit = static_cast<uint64_t>(text.front() - '0');
    if (number.whole > (std::numeric_limits<uint64_t>::max() - digit) / 10) return std::nullopt;
    number.whole = number.whole * 10 + digit;
  }
  if (text.empty() || text.front() != '.') return number;
  text.remove_prefix(1);
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  long double weight = 0.1L;
  for (; !text.empty() && IsDigit(text.front()); text.remove_prefix(1), weight /= 10) {
    number.fraction += weight * static_cast<long double>(text.front() - '0');
  }
  return number;
}

// number · unit, rounded down to whole ones with a little grace for the decimal fraction's binary error.
std::optional<uint64_t> Multiply(const Number& number, uint64_t unit) {
  const auto part = static_cast<uint64_t>(number.fraction * static_cast<long double>(unit) + 1e-6L);
  if (number.whole > (std::numeric_limits<uint64_t>::max() - part) / unit) return std::nullopt;
  return number.whole * unit + part;
}

char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// "" → 1, "kB" → 1000, "gib" → 2^30.
std::optional<uint64_t> ByteUnit(std::string_view text) {
  std::string unit(text);
  std::transform(unit.begin(), unit.end(), unit.begin(), ToLower);
  if (unit.ends_with('b')) unit.pop_back();
  if (unit.empty()) return 1;
  const size_t power = std::string_view("kmgtp").find(unit[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const bool is_binary = unit.size() == 2 && unit[1] == 'i';
  if (unit.size() != 1 && !is_binary) return std::nullopt;
  uint64_t factor = 1;
  for (size_t i = 0; i <= power; ++i) factor *= is_binary ? 1024 : 1000;
  return factor;
}

std::optional<uint64_t> MillisUnit(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit.empty() || unit == "s") return 1'000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  constexpr uint64_t kDay = 86'400'000;
  if (unit == "d") return kDay;
  if (unit == "w") return 7 * kDay;
  if (unit == "mo") return 30 * kDay;
  if (unit == "y") return 365 * kDay;
  return std::nullopt;
}

std::optional<uint64_t> ParseScaled(std::string_view text,
                                    std::optional<uint64_t> (*unit_of)(std::string_view)) {
  const std::optional<Number> number = TakeNumber(text);
  if (!number) return std::nullopt;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const std::optional<uint64_t> unit = unit_of(text);
  if (!unit || (*unit == 1 && number->fraction > 0)) return std::nullopt;
  return Multiply(*number, *unit);
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  return ScaleBytes(static_cast<double>(bytes));
}

std::string FormatRate(double bytes_per_second) {
  if (!(bytes_per_second > 0)) return "0 B/s";
  // Beyond any link, and so infinity too.
  return ScaleBytes(std::min(bytes_per_second, 999e18)) + "/s";
}

std::string FormatDuration(milliseconds duration) {
  const int64_t millis = std::max<int64_t>(duration.count(), 0);
  if (millis < 1'000) return fmt::format("{} ms", millis);
  if (millis < 59'950) return fmt::format("{:.1f} s", static_cast<double>(millis) / 1000);
  const int64_t seconds = millis / 1'000 + (millis % 1'000 >= 500 ? 1 : 0);
  if (seconds < 3'600) return fmt::format("{} m {:02} s", seconds / 60, seconds % 60);
  const int64_t minutes = seconds / 60;
  if (minutes < 24 * 60) return fmt::format("{} h {:02} m", minutes / 60, minutes % 60);
  return fmt::format("{} d {} h", minutes / (24 * 60), minutes / 60 % 24);
}

absl::StatusOr<uint64_t> ParseBytes(std::string_view text) {
  const std::optional<uint64_t> bytes = ParseScaled(text, ByteUnit);
  if (bytes) return *bytes;
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("{} is not a size", Quoted(text)), "write it like `800MB`, `1.5GB` or `2GiB`");
}

absl::StatusOr<uint64_t> ParseRate(std::string_view text) {
  std::string_view bytes = text;
  if (bytes.ends_with("/s")) bytes.remove_suffix(2);
  const std::optional<uint64_t> rate = ParseScaled(bytes, ByteUnit);
  if (rate) return *rate;
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("{} is not a rate", Quoted(text)),
                   "write it in bytes per second, like `500K`, `10M` or `1.5GB`; `0` is no limit");
}

absl::StatusOr<milliseconds> ParseDuration(std::string_view text) {
  const std::optional<uint64_t> millis = ParseScaled(text, MillisUnit);
  if (millis && *millis <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return milliseconds(static_cast<int64_t>(*millis));
  }
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("{} is not a duration", Quoted(text)),
                   "write it like `250ms`, `90s`, `5m`, `2h`, `1d`, `2w`, `6mo` (of 30 days) or `1y`");
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const Utf8Step step = NextUtf8(text, i);
    AppendPrintable(out, text, step, i);
    i += step.length;
  }
  return out;
}

std::string Quoted(std::string_view text, size_t limit_bytes) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    if (i >= limit_bytes) return out + "…\"";
    const Utf8Step step = NextUtf8(text, i);
    if (step.valid && (step.point == '"' || step.point == '\\')) out += '\\';
    AppendPrintable(out, text, step, i);
    i += step.length;
  }
  return out + '"';
}

}  // namespace batuta
