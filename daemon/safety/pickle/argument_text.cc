#include "daemon/safety/pickle/argument_text.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"

namespace batuta::safety::pickle {
namespace {

ArgumentForm FormOfNumber(std::string_view line, bool is_long) {
  std::string_view digits = line;
  if (is_long && digits.ends_with('L')) digits.remove_suffix(1);
  if (digits.starts_with('-')) digits.remove_prefix(1);
  const bool is_switch = !is_long && (line == "00" || line == "01");
  if (is_switch || (!digits.empty() && std::ranges::all_of(digits, absl::ascii_isdigit) &&
                    (digits.size() == 1 || digits.front() != '0'))) {
    return ArgumentForm::kPlain;
  }
  // Blanks, a sign, another base, underscores, a zero byte with anything behind it.
  while (!line.empty() && absl::ascii_isspace(static_cast<unsigned char>(line.front())))
    line.remove_prefix(1);
  if (line.starts_with('+') || line.starts_with('-')) line.remove_prefix(1);
  // One machine takes nothing in front of a zero byte for 0.
  const bool may_be_number = !line.empty() && (line.front() == '\0' ||
                                               absl::ascii_isdigit(static_cast<unsigned char>(line.front())));
  return may_be_number ? ArgumentForm::kOdd : ArgumentForm::kImpossible;
}

ArgumentForm FormOfFloat(std::string_view line) {
  constexpr std::string_view kPlain = "0123456789.eE+-";
  constexpr std::string_view kFirst = "0123456789.+-iInN";
  if (line == "nan" || line == "inf" || line == "-inf") return ArgumentForm::kPlain;
  while (!line.empty() && absl::ascii_isspace(static_cast<unsigned char>(line.front())))
    line.remove_prefix(1);
  if (line.empty() || kFirst.find(line.front()) == std::string_view::npos) return ArgumentForm::kImpossible;
  return line.find_first_not_of(kPlain) == std::string_view::npos ? ArgumentForm::kPlain : ArgumentForm::kOdd;
}

ArgumentForm FormOfString(std::string_view line) {
  if (line.empty() || (line.front() != '\'' && line.front() != '"')) return ArgumentForm::kImpossible;
  return line.size() >= 2 && line.back() == line.front() ? ArgumentForm::kPlain : ArgumentForm::kOdd;
}

}  // namespace

ArgumentForm FormOf(char opcode, std::string_view line) {
  switch (opcode) {
    case 'I':
    case 'L':
      return FormOfNumber(line, opcode == 'L');
    case 'F':
      return FormOfFloat(line);
    case 'S':
      return FormOfString(line);
    default:
      return ArgumentForm::kPlain;
  }
}

std::optional<uint64_t> PlainDecimal(std::string_view line) {
  if (line.empty() || line.size() > 18 || !std::ranges::all_of(line, absl::ascii_isdigit))
    return std::nullopt;
  uint64_t number = 0;
  std::from_chars(line.data(), line.data() + line.size(), number);
  return number;
}

Value NumberOf(std::string_view line) {
  if (line.ends_with('L')) line.remove_suffix(1);
  constexpr int64_t kBound = int64_t{1} << 55;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (error != std::errc() || end != line.data() + line.size() || number >= kBound || number < -kBound) {
    return Value::Unkept(Kind::kLargeInt);
  }
  return Value::Int(number);
}

bool IsPlausibleName(std::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name.front())) &&
         name.front() != '.' && std::ranges::all_of(name, [](char c) {
           return c == '_' || c == '.' || absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  (c & '\x80') != 0;
         });
}

}  // namespace batuta::safety::pickle
