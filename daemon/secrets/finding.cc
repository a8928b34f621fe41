#include "daemon/secrets/finding.h"

#include <algorithm>

#include <fmt/format.h>

namespace batuta::secrets {
namespace {

constexpr size_t kLongSecret = 20;

// Of the literals of a rule, the one that the secret begins with.
std::string_view PublicPart(const Rule& rule, std::string_view secret) {
  if (rule.place != Place::kStart) return "";
  for (std::string_view rest = rule.literals; !rest.empty();) {
    const std::string_view literal = rest.substr(0, rest.find('|'));
    if (secret.starts_with(literal)) return literal;
    rest.remove_prefix(std::min(rest.size(), literal.size() + 1));
  }
  return "";
}

bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

}  // namespace

std::string_view ToString(Tier tier) {
  switch (tier) {
    case Tier::kCertain:
      return "certain";
    case Tier::kLikely:
      return "likely";
    case Tier::kPossible:
      return "possible";
  }
  return "";
}

std::string Redacted(const Rule& rule, std::string_view secret) {
  std::string_view begin = PublicPart(rule, secret);
  if (begin.size() * 2 > secret.size()) begin = "";
  // Of a value that a person may have made, two characters are too much.
  const bool shows_end = rule.tier == Tier::kCertain && secret.size() >= kLongSecret + begin.size() &&
                         IsPlain(secret.substr(secret.size() - 2));
  return fmt::format("{}…{} ({} characters)", begin, shows_end ? secret.substr(secret.size() - 2) : "",
                     secret.size());
}

std::string FingerprintOf(std::string_view path, std::string_view kind, uint64_t line) {
  return fmt::format("{}:{}:{}", path, kind, line);
}

}  // namespace batuta::secrets
