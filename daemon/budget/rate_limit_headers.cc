#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "daemon/budget/window.h"
#include "daemon/budget/window_ledger.h"
#include "daemon/transport/header_fields.h"

namespace batuta::budget {
namespace {

using transport::EqualsIgnoreCase;
using transport::HttpHead;
using transport::Trimmed;

// Longer than any honest value; what is beyond is not read.
constexpr size_t kMaxValueBytes = 1024;

// The next part before `separator` that does not stand in quotes.
std::string_view NextPart(std::string_view& rest, char separator) {
  bool is_quoted = false;
  size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (rest[end] == '"') is_quoted = !is_quoted;
    if (rest[end] == separator && !is_quoted) break;
  }
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end < rest.size() ? end + 1 : end);
  return Trimmed(part);
}

std::string_view Unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return {};
  return text.substr(1, text.size() - 2);
}

// A count without sign. What does not fit is as good as the largest: a bound is put on it where it is used.
std::optional<uint64_t> Count(std::string_view text) {
  uint64_t value = 0;
  if (text.empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  if (error != std::errc()) return std::nullopt;
  return value;
}

// `r=489`, with blanks around the sign and in any letter case.
std::optional<uint64_t> Parameter(std::string_view part, std::string_view name) {
  const size_t sign = part.find('=');
  if (sign == std::string_view::npos || !EqualsIgnoreCase(Trimmed(part.substr(0, sign)), name))
    return std::nullopt;
  return Count(Trimmed(part.substr(sign + 1)));
}

std::chrono::seconds Seconds(uint64_t count) {
  constexpr uint64_t kYear = 366ull * 24 * 3600;
  return std::chrono::seconds(static_cast<int64_t>(count < kYear ? count : kYear));
}

bool IsWord(std::string_view text) {
  constexpr size_t kLongest = 64;
  if (text.empty() || text.size() > kLongest) return false;
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && (c < '0' || c > '9') && c != '_' && c != '-') return false;
  }
  return true;
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

}  // namespace

std::optional<RateLimitHeaders> ParseRateLimit(const HttpHead& head) {
  const std::optional<std::string_view> value = head.Find("RateLimit");
  if (!value || value->size() > kMaxValueBytes) return std::nullopt;
  // A list of several limits is in the grammar; the hub names the one that concerns this request first.
  std::string_view list = *value;
  std::string_view item = NextPart(list, ',');
  const std::string_view bucket = Unquoted(NextPart(item, ';'));
  if (!IsWord(bucket)) return std::nullopt;
  std::optional<uint64_t> remaining;
  std::optional<uint64_t> reset;
  while (!item.empty()) {
    const std::string_view part = NextPart(item, ';');
    if (!remaining) remaining = Parameter(part, "r");
    if (!reset) reset = Parameter(part, "t");
  }
  if (!remaining || !reset) return std::nullopt;
  RateLimitHeaders headers{.bucket = Lowered(bucket),
                           .remaining = *remaining,
                           .reset_in = Seconds(*reset),
                           .quota = std::nullopt,
                           .length = std::nullopt};

  std::string_view policy = head.Find("RateLimit-Policy").value_or("");
  if (policy.size() > kMaxValueBytes) return headers;
  std::string_view rule = NextPart(policy, ',');
  while (!rule.empty()) {
    const std::string_view part = NextPart(rule, ';');
    if (const std::optional<uint64_t> quota = Parameter(part, "q"); quota && !headers.quota)
      headers.quota = quota;
    if (const std::optional<uint64_t> length = Parameter(part, "w"); length && !headers.length) {
      headers.length = Seconds(*length);
    }
  }
  return headers;
}

Answer AnswerOf(const HttpHead& head, WallTime now) {
  Answer answer;
  answer.status = head.status;
  answer.limit = ParseRateLimit(head);
  if (const auto value = head.Find("Retry-After"))
    answer.retry_after = transport::ParseRetryAfter(*value, now);
  return answer;
}

}  // namespace batuta::budget
