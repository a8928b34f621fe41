#include "daemon/secrets/numpy_header.h"

#include <algorithm>

namespace batuta::secrets {
namespace {

constexpr int kMostDimensions = 64;

bool Take(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

std::optional<uint64_t> TakeNumber(std::string_view& text) {
  constexpr size_t kMostDigits = 19;  // cannot overflow
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > kMostDigits) return std::nullopt;
  uint64_t number = 0;
  for (const char digit : text.substr(0, digits)) number = number * 10 + static_cast<uint64_t>(digit - '0');
  text.remove_prefix(digits);
  return number;
}

// `<f4`: the order of its bytes, its kind, how many bytes it has.
std::optional<uint64_t> TakeNumberType(std::string_view& text) {
  if (!Take(text, "<") && !Take(text, ">")) return std::nullopt;  // `|` has no order: it is of single bytes
  const bool is_number =
      !text.empty() && std::string_view("fiuc").find(text.front()) != std::string_view::npos;
  if (!is_number) return std::nullopt;
  text.remove_prefix(1);
  const std::optional<uint64_t> bytes = TakeNumber(text);
  return bytes && *bytes >= 2 && *bytes <= 32 ? bytes : std::nullopt;
}

// `()`, `(3,)`, `(3, 4)`: the product.
std::optional<uint64_t> TakeShape(std::string_view& text) {
  if (!Take(text, "(")) return std::nullopt;
  uint64_t product = 1;
  if (Take(text, ")")) return product;
  for (int i = 0; i < kMostDimensions; ++i) {
    const std::optional<uint64_t> size = TakeNumber(text);
    if (!size || __builtin_mul_overflow(product, *size, &product)) return std::nullopt;
    if (Take(text, i == 0 ? ",)" : ")")) return product;
    if (!Take(text, ", ")) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> NumpyDataBytes(std::string_view text) {
  if (!Take(text, "{'descr': '")) return std::nullopt;
  const std::optional<uint64_t> element = TakeNumberType(text);
  if (!element || !Take(text, "', 'fortran_order': ") || (!Take(text, "False") && !Take(text, "True")) ||
      !Take(text, ", 'shape': ")) {
    return std::nullopt;
  }
  const std::optional<uint64_t> count = TakeShape(text);
  if (!count || !Take(text, ", }")) return std::nullopt;
  // Padded, so that the numbers begin at a multiple of 64.
  if (text.find_first_not_of(" \n") != std::string_view::npos) return std::nullopt;
  uint64_t bytes = 0;
  return __builtin_mul_overflow(*count, *element, &bytes) ? std::nullopt : std::optional<uint64_t>(bytes);
}

}  // namespace batuta::secrets
