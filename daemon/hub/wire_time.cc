#include "daemon/hub/wire_time.h"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace batuta::hub {
namespace {

// Reads fixed-width fields from the front of a text; the first mismatch spoils the whole.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}

  int Digits(size_t count) {
    if (rest_.size() < count) return Fail();
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return Fail();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  void Literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) {
      Fail();
      return;
    }
    rest_.remove_prefix(expected.size());
  }

  // `.123…` in milliseconds; 0 when there is none.
  int Fraction() {
    if (!rest_.starts_with('.')) return 0;
    rest_.remove_prefix(1);
    int millis = 0;
    int scale = 100;
    size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
      millis += (rest_[count] - '0') * scale;
      scale /= 10;
    }
    if (count == 0) return Fail();
    rest_.remove_prefix(count);
    return millis;
  }

  bool finished() const { return ok_ && rest_.empty(); }

 private:
  int Fail() {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

struct CivilTime {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
};

std::optional<WallTime> ToWallTime(const CivilTime& time) {
  const std::chrono::year_month_day date(std::chrono::year(time.year),
                                         std::chrono::month(static_cast<unsigned>(time.month)),
                                         std::chrono::day(static_cast<unsigned>(time.day)));
  if (!date.ok() || time.hour > 23 || time.minute > 59 || time.second > 60) return std::nullopt;
  // The clock counts nanoseconds in 64 bits.
  if (time.year < 1700 || time.year > 2200) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(time.hour) + std::chrono::minutes(time.minute) +
         std::chrono::seconds(time.second) + std::chrono::milliseconds(time.millisecond);
}

}  // namespace

std::optional<WallTime> ParseRfc3339(std::string_view text) {
  FieldReader reader(text);
  CivilTime time;
  time.year = reader.Digits(4);
  reader.Literal("-");
  time.month = reader.Digits(2);
  reader.Literal("-");
  time.day = reader.Digits(2);
  reader.Literal("T");
  time.hour = reader.Digits(2);
  reader.Literal(":");
  time.minute = reader.Digits(2);
  reader.Literal(":");
  time.second = reader.Digits(2);
  time.millisecond = reader.Fraction();
  reader.Literal("Z");
  if (!reader.finished()) return std::nullopt;
  return ToWallTime(time);
}

std::optional<WallTime> ParseCompactTime(std::string_view text) {
  FieldReader reader(text);
  CivilTime time;
  time.year = reader.Digits(4);
  time.month = reader.Digits(2);
  time.day = reader.Digits(2);
  reader.Literal("T");
  time.hour = reader.Digits(2);
  time.minute = reader.Digits(2);
  time.second = reader.Digits(2);
  reader.Literal("Z");
  if (!reader.finished()) return std::nullopt;
  return ToWallTime(time);
}

std::optional<uint64_t> ParseDecimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace batuta::hub
