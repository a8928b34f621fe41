#include "daemon/safety/text/template_lexer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta::safety {
namespace {

using Kind = TemplateToken::Kind;

constexpr size_t kMostBrackets = 64;

bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Letters outside ASCII are letters to Python too.
bool BeginsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool ContinuesName(char c) {
  return BeginsName(c) || IsDigit(c);
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// What a Python string literal between its quotes means.
class Unescaper {
 public:
  explicit Unescaper(std::string_view raw) : raw_(raw) {}

  void AppendTo(TemplateToken& token) {
    while (at_ < raw_.size()) {
      const char c = raw_[at_++];
      if (c != '\\' || at_ == raw_.size()) {
        token.text.push_back(c);
      } else {
        Escape(token);
      }
    }
  }

 private:
  void Escape(TemplateToken& token) {
    constexpr std::string_view kLetters = "\\'\"abfnrtv";
    constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    const char letter = raw_[at_++];
    if (const size_t known = kLetters.find(letter); known != kLetters.npos) {
      token.text.push_back(kMeanings[known]);
    } else if (letter == '\n') {
      // The line goes on.
    } else if (letter == 'x') {
      Hex(2, token);
    } else if (letter == 'u') {
      Hex(4, token);
    } else if (letter == 'U') {
      Hex(8, token);
    } else if (letter >= '0' && letter <= '7') {
      uint32_t point = static_cast<uint32_t>(letter - '0');
      for (int i = 0; i < 2 && at_ < raw_.size() && raw_[at_] >= '0' && raw_[at_] <= '7'; ++i) {
        point = point << 3 | static_cast<uint32_t>(raw_[at_++] - '0');
      }
      AppendUtf8(token.text, static_cast<char32_t>(point));
    } else {
      token.is_opaque |= letter == 'N';
      token.text.push_back('\\');
      token.text.push_back(letter);
    }
  }

  void Hex(size_t digits, TemplateToken& token) {
    uint32_t point = 0;
    for (size_t i = 0; i < digits; ++i) {
      const int digit = at_ < raw_.size() ? HexDigit(raw_[at_]) : -1;
      if (digit < 0) {
        token.is_opaque = true;  // Python refuses it
        return;
      }
      point = point << 4 | static_cast<uint32_t>(digit);
      ++at_;
    }
    const bool is_character = point < 0x110000 && (point < 0xD800 || point > 0xDFFF);
    AppendUtf8(token.text, is_character ? static_cast<char32_t>(point) : U'\uFFFD');
  }

  std::string_view raw_;
  size_t at_ = 0;
};

class Splitter {
 public:
  explicit Splitter(std::string_view source) : source_(source) {}

  TemplateParts Split() && {
    while (out_.problem.empty() && FindPart()) {
      const char what = source_[at_ + 1];
      Move(2);
      if (what == '#') {
        SkipComment();
      } else if (!IsRaw(what)) {
        ReadPart(what == '%');
      }
    }
    return std::move(out_);
  }

 private:
  bool FindPart() {
    for (size_t open = source_.find('{', at_); open < source_.size() - 1;
         open = source_.find('{', open + 1)) {
      const char next = source_[open + 1];
      if (next != '{' && next != '%' && next != '#') continue;
      Move(open - at_);
      return true;
    }
    return false;
  }

  void Move(size_t count) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at_ + count), '\n'));
    at_ += count;
  }

  void Problem(std::string text) {
    out_.problem = std::move(text);
    out_.problem_line = line_;
  }

  void SkipComment() {
    const size_t end = source_.find("#}", at_);
    if (end == source_.npos) return Problem("a comment has no end");
    Move(end + 2 - at_);
  }

  // Behind `{%`: `raw %}` and all up to `{% endraw %}`, which is skipped.
  bool IsRaw(char what) {
    size_t at = at_;
    if (what != '%' || !IsTag("raw", at)) return false;
    while (true) {
      at = source_.find("{%", at);
      if (at == source_.npos) {
        Problem("{% raw %} has no end");
        return true;
      }
      at += 2;
      if (size_t end = at; IsTag("endraw", end)) {
        Move(end - at_);
        return true;
      }
    }
  }

  // Does `name` and the end of the tag stand at `at`? It is moved behind them.
  bool IsTag(std::string_view name, size_t& at) const {
    size_t here = at;
    const auto skip = [&](std::string_view signs) {
      if (here < source_.size() && signs.find(source_[here]) != signs.npos) ++here;
    };
    const auto spaces = [&] {
      while (here < source_.size() && IsSpace(source_[here])) ++here;
    };
    skip("-+");
    spaces();
    if (source_.substr(here, name.size()) != name) return false;
    here += name.size();
    spaces();
    skip("-+");
    if (source_.substr(here, 2) != "%}") return false;
    at = here + 2;
    return true;
  }

  void ReadPart(bool is_statement) {
    TemplatePart part{.is_statement = is_statement, .line = line_, .tokens = {}};
    const std::string_view end = is_statement ? "%}" : "}}";
    brackets_.clear();
    if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) ++at_;
    while (out_.problem.empty()) {
      while (at_ < source_.size() && IsSpace(source_[at_])) Move(1);
      if (at_ == source_.size()) return Problem("an expression has no end");
      if (brackets_.empty()) {
        const size_t sign = source_[at_] == '-' || source_[at_] == '+' ? 1 : 0;
        if (source_.substr(at_ + sign, 2) == end) {
          Move(sign + 2);
          out_.parts.push_back(std::move(part));
          return;
        }
      }
      ReadToken(part.tokens);
    }
  }

  void ReadToken(std::vector<TemplateToken>& tokens) {
    const char c = source_[at_];
    if (c == '\'' || c == '"') {
      ReadString(tokens);
    } else if (IsDigit(c)) {
      ReadNumber(tokens);
    } else if (BeginsName(c)) {
      size_t end = at_;
      while (end < source_.size() && ContinuesName(source_[end])) ++end;
      Add(tokens, Kind::kName, end);
    } else {
      ReadOperator(tokens);
    }
  }

  TemplateToken& Add(std::vector<TemplateToken>& tokens, Kind kind, size_t end) {
    TemplateToken& token = tokens.emplace_back();
    token.kind = kind;
    token.text = source_.substr(at_, end - at_);
    at_ = end;
    return token;
  }

  void ReadString(std::vector<TemplateToken>& tokens) {
    const char quote = source_[at_];
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2U : 1U;
    if (end >= source_.size()) return Problem("a string has no end");
    if (tokens.empty() || tokens.back().kind != Kind::kString) tokens.emplace_back().kind = Kind::kString;
    Unescaper(source_.substr(at_ + 1, end - at_ - 1)).AppendTo(tokens.back());
    Move(end + 1 - at_);
  }

  // 12, 1_000, 0x1F, 0b1, 0o7, 1.5, 1e3. What follows a dot belongs to it only when it is a digit (`a.0.b`).
  void ReadNumber(std::vector<TemplateToken>& tokens) {
    size_t end = at_;
    int base = 10;
    if (source_[at_] == '0' && at_ + 1 < source_.size()) {
      const char letter = static_cast<char>(source_[at_ + 1] | 0x20);
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      if (base != 10) end += 2;
    }
    std::string digits;
    for (; end < source_.size() && (source_[end] == '_' || HexDigit(source_[end]) >= 0); ++end) {
      if (source_[end] == '_') continue;
      if (HexDigit(source_[end]) >= base) break;
      digits.push_back(source_[end]);
    }
    const bool follows_dot = !tokens.empty() && tokens.back().Is(".");
    size_t fraction = end;
    if (base == 10 && !follows_dot) {
      const auto digit_at = [&](size_t at) { return at < source_.size() && IsDigit(source_[at]); };
      if (fraction < source_.size() && source_[fraction] == '.' && digit_at(fraction + 1)) {
        for (++fraction; digit_at(fraction) || (fraction < source_.size() && source_[fraction] == '_');)
          ++fraction;
      }
      if (fraction < source_.size() && (source_[fraction] | 0x20) == 'e') {
        const size_t sign =
            fraction + 1 < source_.size() && (source_[fraction + 1] == '-' || source_[fraction + 1] == '+')
                ? 1
                : 0;
        if (digit_at(fraction + 1 + sign)) {
          for (fraction += 1 + sign; digit_at(fraction);) ++fraction;
        }
      }
    }
    TemplateToken& token = Add(tokens, fraction > end ? Kind::kFloat : Kind::kInteger, fraction);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), token.integer, base);
    if (parsed.ec == std::errc::result_out_of_range) token.integer = UINT64_MAX;
  }

  void ReadOperator(std::vector<TemplateToken>& tokens) {
    constexpr std::string_view kTwo[] = {"==", "!=", "<=", ">=", "**", "//"};
    constexpr std::string_view kOne = ".,:|~+-*/%<>=()[]{};";
    for (const std::string_view two : kTwo) {
      if (source_.substr(at_, 2) == two) {
        Add(tokens, Kind::kOperator, at_ + 2);
        return;
      }
    }
    const char c = source_[at_];
    if (kOne.find(c) == kOne.npos) {
      return Problem(fmt::format("{} has no meaning in an expression", Quoted(source_.substr(at_, 1))));
    }
    if (c == '(' || c == '[' || c == '{') {
      if (brackets_.size() == kMostBrackets) return Problem("too many brackets inside each other");
      brackets_.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets_.empty() || brackets_.back() != c) return Problem(fmt::format("\"{}\" closes nothing", c));
      brackets_.pop_back();
    }
    Add(tokens, Kind::kOperator, at_ + 1);
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  std::string brackets_;  // that are open, by what closes them
  TemplateParts out_;
};

}  // namespace

TemplateParts SplitTemplate(std::string_view source) {
  if (source.size() < 2) return {};
  return Splitter(source).Split();
}

}  // namespace batuta::safety
