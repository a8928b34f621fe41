#include "daemon/transport/header_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace batuta::transport {
namespace {

constexpr std::chrono::seconds kLongestWait = std::chrono::hours(24);

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsLetter(char c) {
  return Lower(c) >= 'a' && Lower(c) <= 'z';
}

// Digits only; nullopt for anything else and for what does not fit.
std::optional<int> Number(std::string_view text) {
  int value = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<unsigned> Month(std::string_view text) {
  constexpr std::array<std::string_view, 12> kNames = {"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
  for (unsigned i = 0; i < kNames.size(); ++i) {
    if (EqualsIgnoreCase(text, kNames[i])) return i + 1;
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> TimeOfDay(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const std::optional<int> hour = Number(text.substr(0, 2));
  const std::optional<int> minute = Number(text.substr(3, 2));
  const std::optional<int> second = Number(text.substr(6, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

// The next run of letters, digits and colons; empty at the end.
std::string_view NextToken(std::string_view& rest) {
  const auto belongs = [](char c) { return IsLetter(c) || IsDigit(c) || c == ':'; };
  const auto begin = std::find_if(rest.begin(), rest.end(), belongs);
  const auto end = std::find_if_not(begin, rest.end(), belongs);
  const std::string_view token(begin, end);
  rest = std::string_view(end, rest.end());
  return token;
}

// Two digits stand for the century around the turn of the millennium, as in the oldest of the three forms.
int FullYear(int year) {
  if (year >= 100) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::optional<WallTime> ParseHttpDate(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  std::optional<unsigned> month;
  std::optional<std::chrono::seconds> time;
  std::optional<int> day;
  std::optional<int> year;
  // In all three forms the day of the month is the first bare number and the year the second.
  for (std::string_view token = NextToken(text); !token.empty(); token = NextToken(text)) {
    if (const auto named = Month(token); named && !month) {
      month = named;
    } else if (const auto clock = TimeOfDay(token); clock && !time) {
      time = clock;
    } else if (const auto number = Number(token)) {
      (day ? year : day) = number;
    }
  }
  if (!month || !time || !day || !year || *day > 31 || *year > 9999) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(FullYear(*year)), std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  // What the clock cannot hold is no date.
  if (!date.ok() || FullYear(*year) < 1900 || *year > 2200) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + *time;
}

std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view value, WallTime now) {
  value = Trimmed(value);
  if (!value.empty() && std::all_of(value.begin(), value.end(), IsDigit)) {
    uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    const auto longest = static_cast<uint64_t>(kLongestWait.count());
    if (error != std::errc() || seconds > longest) return kLongestWait;
    return std::chrono::seconds(seconds);
  }
  const std::optional<WallTime> date = ParseHttpDate(value);
  if (!date) return std::nullopt;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*date - now);
  return std::clamp(wait, std::chrono::milliseconds(0), std::chrono::milliseconds(kLongestWait));
}

}  // namespace batuta::transport
