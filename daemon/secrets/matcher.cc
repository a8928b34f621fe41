#include "daemon/secrets/matcher.h"

#include <algorithm>
#include <array>
#include <optional>

#include <re2/re2.h>

#include "daemon/secrets/placeholder.h"

namespace batuta::secrets {
namespace {

constexpr size_t kInsideLeadBytes = 128;
constexpr size_t kInsideReachBytes = 1024;
constexpr size_t kLeastValueBytes = 16;  // of what stands beside the name of a vendor
constexpr size_t kPatternBytes = 4096;
constexpr size_t kAfterBytes = 100;
constexpr size_t kNameBytes = 64;
constexpr size_t kMostValueBytes = 200;

bool IsNameChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
         c == '.';
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t';
}

// Of a pattern at or behind `from`, before `end`: the secret in it, and all of it.
struct Found {
  Span secret;
  Span match;
};

std::optional<Found> Search(const re2::RE2& pattern, std::string_view text, size_t from, size_t end,
                            re2::RE2::Anchor anchor, int group = 0) {
  constexpr int kMostGroups = 10;
  std::array<re2::StringPiece, kMostGroups> groups;
  const re2::StringPiece piece(text.data(), text.size());
  const int count = std::min(pattern.NumberOfCapturingGroups() + 1, kMostGroups);
  if (!pattern.Match(piece, from, end, anchor, groups.data(), count)) return std::nullopt;
  const auto span = [&](const re2::StringPiece& part) {
    const auto begin = static_cast<size_t>(part.data() - text.data());
    return Span{begin, begin + part.size()};
  };
  const re2::StringPiece* secret = groups.data();
  if (group > 0 && group < count) {
    secret = &groups[static_cast<size_t>(group)];
  } else {
    for (int i = count - 1; i > 0; --i) {
      if (!groups[static_cast<size_t>(i)].empty()) secret = &groups[static_cast<size_t>(i)];
    }
  }
  if (secret->data() == nullptr) secret = groups.data();
  return Found{span(*secret), span(groups[0])};
}

bool HasUnderscoreOrDash(std::string_view literal) {
  return literal.find_first_of("_-") != std::string_view::npos;
}

// Nothing of the same alphabet goes on before or behind. The text of a URL or a connection string has its own
// ends.
bool HasBoundaries(const Rule& rule, std::string_view text, Span secret, Span match, Span literal) {
  if (Has(rule.checks, Check::kUrl) || Has(rule.checks, Check::kConnection) || Has(rule.checks, Check::kPem))
    return true;
  const bool of_base64 = rule.place == Place::kAfter ||
                         !HasUnderscoreOrDash(text.substr(literal.begin, literal.end - literal.begin));
  if (!IsBoundaryBefore(text, secret.begin) && !IsBoundaryBefore(text, match.begin)) return false;
  if (rule.place == Place::kAfter && secret.begin > 0) {
    const char last = text[secret.begin - 1];
    if (last == '-' || last == '+' || (last == '/' && secret.begin > 1 && text[secret.begin - 2] != '/'))
      return false;
  }
  // A path of a URL may go on behind a token.
  const bool is_path = secret.end < text.size() && text[secret.end] == '/';
  return IsBoundaryAfter(text, secret.end, of_base64 && !(is_path && rule.place == Place::kInside));
}

// What stands between a word and what it names must end in a sign of assignment.
bool IsAssigned(std::string_view between) {
  if (std::ranges::count(between, '\n') > 2) return false;
  constexpr std::string_view kTrailing = " \t\r\n\"'`\\[{";
  const size_t end = between.find_last_not_of(kTrailing);
  if (end == std::string_view::npos)
    return !between.empty() && between.find_first_of(" \t") != std::string_view::npos;
  const std::string_view rest = between.substr(0, end + 1);
  if (std::string_view("=:>,(").find(rest.back()) != std::string_view::npos) return true;
  constexpr std::array<std::string_view, 8> kWords = {"bearer", "basic", "token", "password",
                                                      "key",    "bot",   "%3d",   "secret"};
  const std::string_view tail = rest.substr(rest.size() - std::min<size_t>(rest.size(), 10));
  return std::ranges::any_of(kWords, [&](std::string_view word) {
    const size_t at = FindAnyCase(tail, word);
    return at != std::string_view::npos && at + word.size() == tail.size();
  });
}

// What values are made of; prose has no long runs of it.
bool IsValueChar(char c) {
  return IsNameChar(c) || c == '/' || c == '+' || c == '=' || c == '~' || c == ':';
}

Span RunAround(std::string_view text, Span part, size_t most_before, size_t most_behind) {
  Span run = part;
  while (run.begin > 0 && part.begin - run.begin < most_before && IsValueChar(text[run.begin - 1]))
    --run.begin;
  while (run.end < text.size() && run.end - part.end < most_behind && IsValueChar(text[run.end])) ++run.end;
  return run;
}

// The next run that is long enough for a value and begins, or is, before `last`.
std::optional<Span> NextRun(std::string_view text, size_t from, size_t last, size_t least) {
  while (from < last) {
    // A run that is long enough has a character here.
    const size_t probe = from + least - 1;
    if (probe >= text.size()) return std::nullopt;
    if (!IsValueChar(text[probe])) {
      from = probe + 1;
      continue;
    }
    const Span run = RunAround(text, {probe, probe + 1}, probe - from, kPatternBytes);
    if (run.begin < last && run.end - run.begin >= least) return run;
    from = run.end;
  }
  return std::nullopt;
}

// The secret behind a word, in text up to `end`.
std::optional<Found> FirstAfter(const CompiledRule& rule, std::string_view text, Span literal, size_t last,
                                size_t end) {
  for (size_t from = literal.end; from < last;) {
    const std::optional<Found> at = Search(rule.pattern(), text, from, end, re2::RE2::UNANCHORED);
    if (!at || at->match.begin >= last) return std::nullopt;
    from = std::max(at->match.end, from + 1);
    if (!IsAssigned(text.substr(literal.end, at->match.begin - literal.end))) continue;
    if (!HasBoundaries(rule.rule, text, at->secret, at->match, literal)) continue;
    if (PassesChecks(rule.rule, {text, at->secret.begin, at->secret.end, literal.begin})) return at;
  }
  return std::nullopt;
}

void MatchAfter(const CompiledRule& rule, std::string_view text, Span literal,
                absl::FunctionRef<void(Span secret)> found) {
  if (Has(rule.rule.checks, Check::kConnection)) {
    const std::optional<Found> at =
        Search(rule.pattern(), text, literal.end, std::min(text.size(), literal.end + kMostValueBytes),
               re2::RE2::ANCHOR_START);
    if (at && PassesChecks(rule.rule, {text, at->secret.begin, at->secret.end, literal.begin}))
      found(at->secret);
    return;
  }
  const size_t last = std::min(text.size(), literal.end + kAfterBytes);
  for (size_t from = literal.end; from < last;) {
    const std::optional<Span> run = NextRun(text, from, last, rule.least_bytes);
    if (!run) return;
    if (const std::optional<Found> at = FirstAfter(rule, text, literal, last, run->end))
      return found(at->secret);
    from = run->end;
  }
}

// Is there an `@` before the URL ends? The pattern is asked only then.
bool MayHaveLogin(std::string_view text, size_t at) {
  for (size_t i = at; i < text.size() && i < at + 512; ++i) {
    if (text[i] == '@') return true;
    if (text[i] <= ' ' || text[i] == '"' || text[i] == '\'' || text[i] == '<' || text[i] == '>' ||
        text[i] == '\\')
      return false;
  }
  return false;
}

void MatchPattern(const CompiledRule& rule, std::string_view text, Span literal,
                  absl::FunctionRef<void(Span secret)> found) {
  const bool is_start = rule.rule.place == Place::kStart;
  if (is_start && IsNameChar(text[literal.begin]) && !IsBoundaryBefore(text, literal.begin)) return;
  const bool is_url = Has(rule.rule.checks, Check::kUrl);
  if (is_url && !MayHaveLogin(text, literal.end)) return;
  const size_t lead = is_url || Has(rule.rule.checks, Check::kPem) ? 64 : kInsideLeadBytes;
  size_t from = is_start ? literal.begin : literal.begin - std::min(literal.begin, lead);
  size_t end = std::min(text.size(), literal.end + (is_start ? kPatternBytes : kInsideReachBytes));
  if (!is_start && !is_url && !Has(rule.rule.checks, Check::kPem)) {
    const Span run = RunAround(text, literal, kInsideLeadBytes, kInsideReachBytes);
    if (run.end - run.begin < kLeastValueBytes) return;
    from = run.begin;
    end = run.end;
  }
  while (from <= literal.begin) {
    const std::optional<Found> at =
        Search(rule.pattern(), text, from, end, is_start ? re2::RE2::ANCHOR_START : re2::RE2::UNANCHORED);
    if (!at || at->match.begin > literal.begin) return;
    from = at->match.begin + 1;
    if (at->match.end < literal.end) continue;
    Span secret = at->secret;
    if (Has(rule.rule.checks, Check::kPem)) {
      const std::optional<Span> body = FindKeyBody(text, at->match.end);
      if (!body) return;
      secret = *body;
    }
    if (!HasBoundaries(rule.rule, text, secret, at->match, literal)) continue;
    if (!PassesChecks(rule.rule, {text, secret.begin, secret.end, literal.begin})) continue;
    found(secret);
    return;
  }
}

// The word and the rest of the name that it is a part of.
Span NameAround(std::string_view text, Span word) {
  while (word.begin > 0 && word.end - word.begin < kNameBytes && IsNameChar(text[word.begin - 1]))
    --word.begin;
  while (word.end < text.size() && word.end - word.begin < kNameBytes && IsNameChar(text[word.end]))
    ++word.end;
  return word;
}

size_t SkipSpaces(std::string_view text, size_t at) {
  for (int i = 0; i < 16 && at < text.size() && IsSpace(text[at]); ++i) ++at;
  return at;
}

// Behind `=`, `:`, `:=`, `=>` or the `>` of an element; npos where nothing is assigned.
size_t SkipOperator(std::string_view text, size_t at, bool is_element) {
  const auto here = [&](size_t offset) { return at + offset < text.size() ? text[at + offset] : '\0'; };
  if (is_element) return here(0) == '>' ? at + 1 : std::string_view::npos;
  if (here(0) == '=' && here(1) == '>') return at + 2;
  if (here(0) == '=' && here(1) != '=' && here(1) != '~') return at + 1;
  if (here(0) == ':' && here(1) == '=') return at + 2;
  if (here(0) != ':' || here(1) == ':') return std::string_view::npos;
  // `name: str = "value"`
  size_t type = SkipSpaces(text, at + 1);
  const size_t begin = type;
  while (type < text.size() && type - begin < 32 &&
         (IsNameChar(text[type]) || text[type] == '[' || text[type] == ']' || text[type] == '&' ||
          text[type] == '?')) {
    ++type;
  }
  const size_t equals = SkipSpaces(text, type);
  const bool is_typed = type > begin && equals < text.size() && text[equals] == '=' &&
                        !(equals + 1 < text.size() && text[equals + 1] == '=') && equals > type;
  return is_typed ? equals + 1 : at + 1;
}

bool EndsBareValue(char c) {
  return static_cast<unsigned char>(c) <= ' ' ||
         std::string_view("\"'`,;)]}<>&|#\\").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<Span> FindAssignedValue(std::string_view text, Span word, bool has_bare_values) {
  const Span name = NameAround(text, word);
  const bool is_element = name.begin > 0 && text[name.begin - 1] == '<';
  size_t at = name.end;
  while (at < text.size() && at - name.end < 4 &&
         std::string_view("\"'`]\\").find(text[at]) != std::string_view::npos)
    ++at;
  at = SkipOperator(text, SkipSpaces(text, at), is_element);
  if (at == std::string_view::npos) return std::nullopt;
  if (IsHarmlessName(text.substr(name.begin, name.end - name.begin))) return std::nullopt;
  at = SkipSpaces(text, at);
  const size_t prefix = at;
  while (at < text.size() && at - prefix < 2 &&
         std::string_view("rbfuRBFU@").find(text[at]) != std::string_view::npos)
    ++at;
  if (at < text.size() && text[at] == '\\') ++at;
  const bool is_quoted = at < text.size() && (text[at] == '"' || text[at] == '\'' || text[at] == '`');
  if (!is_quoted) {
    if (!has_bare_values && !is_element) return std::nullopt;
    at = prefix;
    size_t end = at;
    while (end < text.size() && end - at <= kMostValueBytes && !EndsBareValue(text[end])) ++end;
    return Span{at, end};
  }
  const char quote = text[at];
  while (at < text.size() && text[at] == quote) ++at;
  size_t end = at;
  while (end < text.size() && end - at <= kMostValueBytes && text[end] != quote && text[end] != '\n' &&
         text[end] != '\\')
    ++end;
  if (end >= text.size() || (text[end] != quote && text[end] != '\\')) return std::nullopt;
  return Span{at, end};
}

void MatchAround(const CompiledRule& rule, std::string_view text, Span literal, const Profile& profile,
                 absl::FunctionRef<void(Span secret)> found) {
  switch (rule.rule.place) {
    case Place::kStart:
    case Place::kInside:
      return MatchPattern(rule, text, literal, found);
    case Place::kAfter:
      return MatchAfter(rule, text, literal, found);
    case Place::kAssignment: {
      const std::optional<Span> value = FindAssignedValue(text, literal, profile.has_bare_values);
      if (!value) return;
      const Candidate candidate{text, value->begin, value->end, literal.begin};
      if (PassesChecks(rule.rule, candidate)) found(*value);
      return;
    }
    case Place::kAnywhere:
      return;
  }
}

void MatchEverywhere(const CompiledRule& rule, std::string_view text, Span zone,
                     absl::FunctionRef<void(Span secret, Span match)> found) {
  const int group = rule.user != nullptr ? rule.user->group : 0;
  for (size_t from = zone.begin; from < zone.end;) {
    const std::optional<Found> at =
        Search(rule.pattern(), text, from, text.size(), re2::RE2::UNANCHORED, group);
    if (!at || at->match.begin >= zone.end) return;
    from = std::max(at->match.end, at->match.begin + 1);
    if (at->secret.end > at->secret.begin) found(at->secret, at->match);
  }
}

}  // namespace batuta::secrets
