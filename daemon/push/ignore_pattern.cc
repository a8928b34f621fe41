#include "daemon/push/ignore_pattern.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace batuta::push {
namespace {

constexpr std::string_view kSpecial = "*?[\\";

unsigned char Byte(char c) {
  return static_cast<unsigned char>(c);
}

// Spaces at the end do not count unless a backslash stands before them.
std::string_view WithoutTrailingSpaces(std::string_view line) {
  size_t end = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ' ') continue;
    if (line[i] == '\\' && ++i == line.size()) return line;
    end = i + 1;
  }
  return line.substr(0, end);
}

using Predicate = int (*)(int);

struct NamedSet {
  std::string_view name;
  Predicate has;
};

constexpr NamedSet kNamedSets[] = {
    {"alnum", [](int c) { return std::isalnum(c); }}, {"alpha", [](int c) { return std::isalpha(c); }},
    {"blank", [](int c) { return std::isblank(c); }}, {"cntrl", [](int c) { return std::iscntrl(c); }},
    {"digit", [](int c) { return std::isdigit(c); }}, {"graph", [](int c) { return std::isgraph(c); }},
    {"lower", [](int c) { return std::islower(c); }}, {"print", [](int c) { return std::isprint(c); }},
    {"punct", [](int c) { return std::ispunct(c); }}, {"space", [](int c) { return std::isspace(c); }},
    {"upper", [](int c) { return std::isupper(c); }}, {"xdigit", [](int c) { return std::isxdigit(c); }},
};

// False where there is no set of that name.
bool AddNamedSet(std::string_view name, std::bitset<256>& set) {
  for (const NamedSet& named : kNamedSets) {
    if (named.name != name) continue;
    for (int c = 0; c < 128; ++c) {
      if (named.has(c) != 0) set.set(static_cast<size_t>(c));
    }
    return true;
  }
  return false;
}

}  // namespace

std::optional<IgnorePattern> IgnorePattern::Parse(std::string_view line) {
  line = line.substr(0, line.find('\0'));
  if (line.starts_with('#')) return std::nullopt;
  line = WithoutTrailingSpaces(line);
  IgnorePattern pattern;
  pattern.text_ = line;
  if (line.starts_with('!')) {
    pattern.is_negated_ = true;
    line.remove_prefix(1);
  }
  if (line.ends_with('/')) {
    pattern.is_for_folders_ = true;
    line.remove_suffix(1);
  }
  if (line.empty()) return std::nullopt;
  pattern.is_for_names_ = line.find('/') == std::string_view::npos;
  if (line.starts_with('/')) line.remove_prefix(1);
  if (line.find_first_of(kSpecial) == std::string_view::npos) {
    pattern.literal_ = line;
  } else if (pattern.is_for_names_ && line.front() == '*' &&
             line.find_first_of(kSpecial, 1) == std::string_view::npos) {
    pattern.kind_ = Kind::kSuffix;
    pattern.literal_ = line.substr(1);
  } else {
    pattern.kind_ = pattern.Compile(line) ? Kind::kWildcard : Kind::kNever;
  }
  return pattern;
}

bool IgnorePattern::Compile(std::string_view glob) {
  // What comes before the first special character git compares by itself, so that what follows begins anew.
  const size_t begin = glob.find_first_of(kSpecial);
  for (size_t i = 0; i < glob.size(); ++i) {
    const char c = glob[i];
    if (c == '?') {
      tokens_.push_back({.kind = Token::Kind::kAny});
    } else if (c == '[') {
      if (!CompileSet(glob, i)) return false;
    } else if (c == '\\') {
      if (++i == glob.size()) return false;
      tokens_.push_back({.byte = glob[i]});
    } else if (c == '*') {
      const size_t first = i;
      while (i + 1 < glob.size() && glob[i + 1] == '*') ++i;
      const std::string_view rest = glob.substr(i + 1);
      const bool begins_folder = first == begin || glob[first - 1] == '/';
      const bool ends_folder = rest.empty() || rest.front() == '/' || rest.starts_with("\\/");
      if (i == first || !begins_folder || !ends_folder) {
        tokens_.push_back({.kind = Token::Kind::kStar});
      } else if (rest.empty()) {
        tokens_.push_back({.kind = Token::Kind::kAll});
      } else {
        tokens_.push_back({.kind = rest.front() == '/' ? Token::Kind::kFolders : Token::Kind::kSomeFolders});
        i += rest.front() == '/' ? 1U : 2U;
      }
    } else {
      tokens_.push_back({.byte = c});
    }
  }
  return true;
}

// From the `[` at `position`, which is left at its `]`. As git reads it: `!` or `^` negates, a `]` that comes
// first is an ordinary character, a backslash takes the next character as it is.
bool IgnorePattern::CompileSet(std::string_view glob, size_t& position) {
  const auto at = [&glob](size_t i) { return i < glob.size() ? glob[i] : '\0'; };
  std::bitset<256> set;
  size_t i = position + 1;
  const bool is_negated = at(i) == '!' || at(i) == '^';
  if (is_negated) ++i;
  char before = '\0';  // from which a range may begin
  do {
    const bool is_plain = at(i) == '\\';
    if (is_plain) ++i;
    char c = at(i);
    if (c == '\0') return false;
    if (!is_plain && c == '-' && before != '\0' && at(i + 1) != '\0' && at(i + 1) != ']') {
      c = at(++i);
      if (c == '\\') c = at(++i);
      if (c == '\0') return false;
      for (size_t member = Byte(before); member <= Byte(c); ++member) set.set(member);
      before = '\0';
    } else if (!is_plain && c == '[' && at(i + 1) == ':') {
      const size_t end = glob.find(']', i + 2);
      if (end == std::string_view::npos) return false;
      if (end < i + 3 || glob[end - 1] != ':') {
        set.set(Byte('['));
        before = '[';
      } else {
        if (!AddNamedSet(glob.substr(i + 2, end - i - 3), set)) return false;
        i = end;
        before = '\0';
      }
    } else {
      set.set(Byte(c));
      before = c;
    }
    ++i;
  } while (at(i) != ']');
  if (is_negated) set.flip();
  set.reset(Byte('/'));
  tokens_.push_back({.kind = Token::Kind::kSet, .set = static_cast<uint16_t>(sets_.size())});
  sets_.push_back(set);
  position = i;
  return sets_.size() < 65'535;
}

bool IgnorePattern::Matches(std::string_view path, std::string_view name, bool is_folder) const {
  if (is_for_folders_ && !is_folder) return false;
  const std::string_view text = is_for_names_ ? name : path;
  switch (kind_) {
    case Kind::kLiteral:
      return text == literal_;
    case Kind::kSuffix:
      return text.ends_with(literal_);
    case Kind::kWildcard:
      return MatchesTokens(text);
    case Kind::kNever:
      break;
  }
  return false;
}

bool IgnorePattern::MatchesOne(const Token& token, char byte) const {
  switch (token.kind) {
    case Token::Kind::kByte:
      return token.byte == byte;
    case Token::Kind::kAny:
      return byte != '/';
    case Token::Kind::kSet:
      return sets_[token.set][Byte(byte)];
    default:
      return false;
  }
}

// Where a token does not fit, the latest star takes one byte more, or, where it would have to take a `/`, the
// latest run of folders takes one folder more. Earlier ones need never be tried again: whatever they could
// take, the later ones can.
bool IgnorePattern::MatchesTokens(std::string_view text) const {
  constexpr size_t kNone = std::string_view::npos;
  size_t token = 0;
  size_t position = 0;
  size_t star = kNone;  // the token behind it
  size_t star_at = 0;   // where what it took ends
  size_t folders = kNone;
  size_t folders_at = 0;
  const auto take_folder = [&](size_t from) {
    const size_t slash = text.find('/', from);
    if (slash == kNone) return false;
    folders_at = slash + 1;
    return true;
  };
  while (token < tokens_.size() || position < text.size()) {
    if (token < tokens_.size()) {
      const Token& next = tokens_[token];
      if (next.kind == Token::Kind::kAll) return true;
      if (next.kind == Token::Kind::kStar) {
        star = ++token;
        star_at = position;
        continue;
      }
      if (next.kind == Token::Kind::kFolders || next.kind == Token::Kind::kSomeFolders) {
        folders_at = position;
        if (next.kind == Token::Kind::kSomeFolders && !take_folder(position)) return false;
        folders = ++token;
        star = kNone;
        position = folders_at;
        continue;
      }
      if (position < text.size() && MatchesOne(next, text[position])) {
        ++token;
        ++position;
        continue;
      }
    }
    if (star != kNone && star_at < text.size() && text[star_at] != '/') {
      position = ++star_at;
      token = star;
      continue;
    }
    if (folders == kNone || !take_folder(folders_at)) return false;
    star = kNone;
    position = folders_at;
    token = folders;
  }
  return true;
}

}  // namespace batuta::push
