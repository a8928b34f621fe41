#include "daemon/safety/pickle/literal.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace batuta::safety::pickle {
namespace {

constexpr int kDeepest = 32;

class Parser {
 public:
  explicit Parser(std::string_view source) : left_(source) {}

  std::optional<Literal> Parse() {
    std::optional<Literal> literal = Value(0);
    SkipBlanks();
    if (!left_.empty()) return std::nullopt;
    return literal;
  }

 private:
  void SkipBlanks() { left_.remove_prefix(std::min(left_.find_first_not_of(" \t\n\r"), left_.size())); }

  bool Take(char c) {
    SkipBlanks();
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }

  bool Take(std::string_view word) {
    if (!left_.starts_with(word)) return false;
    left_.remove_prefix(word.size());
    return true;
  }

  // Bounded by kDeepest, whatever the source says.
  std::optional<Literal> Value(int depth) {
    if (depth > kDeepest) return std::nullopt;
    SkipBlanks();
    if (left_.empty()) return std::nullopt;
    if (Take('(')) return Items(Literal::Kind::kTuple, ')', depth);
    if (Take('[')) return Items(Literal::Kind::kList, ']', depth);
    if (Take('{')) return Items(Literal::Kind::kDict, '}', depth);
    if (Take(std::string_view("None"))) return Literal{};
    if (Take(std::string_view("True"))) return Number(Literal::Kind::kBool, 1);
    if (Take(std::string_view("False"))) return Number(Literal::Kind::kBool, 0);
    // Prefixes of Python 2 and of bytes.
    if (left_.size() > 1 && (left_[0] == 'u' || left_[0] == 'b') && (left_[1] == '\'' || left_[1] == '"')) {
      left_.remove_prefix(1);
    }
    if (left_.front() == '\'' || left_.front() == '"') return Text();
    return Digits();
  }

  std::optional<Literal> Items(Literal::Kind kind, char end, int depth) {
    Literal literal;
    literal.kind = kind;
    bool has_comma = false;
    while (!Take(end)) {
      if (!literal.items.empty() && !has_comma) return std::nullopt;
      std::optional<Literal> item = Value(depth + 1);
      if (!item) return std::nullopt;
      literal.items.push_back(*std::move(item));
      if (kind == Literal::Kind::kDict) {
        if (!Take(':')) return std::nullopt;
        item = Value(depth + 1);
        if (!item) return std::nullopt;
        literal.items.push_back(*std::move(item));
      }
      has_comma = Take(',');
    }
    // One value in parentheses is that value.
    if (kind == Literal::Kind::kTuple && literal.items.size() == 1 && !has_comma) {
      return Literal(std::move(literal.items.front()));
    }
    return literal;
  }

  // Escapes are of no use in a type or a name of a field, and are left to what is refused.
  std::optional<Literal> Text() {
    const char quote = left_.front();
    left_.remove_prefix(1);
    const size_t end = left_.find(quote);
    if (end == std::string_view::npos) return std::nullopt;
    Literal literal;
    literal.kind = Literal::Kind::kText;
    literal.text = left_.substr(0, end);
    left_.remove_prefix(end + 1);
    if (literal.text.find_first_of("\\\n") != std::string::npos) return std::nullopt;
    return literal;
  }

  std::optional<Literal> Digits() {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), number);
    if (error != std::errc()) return std::nullopt;
    left_.remove_prefix(static_cast<size_t>(end - left_.data()));
    // Python 2 wrote long numbers with an L.
    if (left_.starts_with('L')) left_.remove_prefix(1);
    return Number(Literal::Kind::kNumber, number);
  }

  static Literal Number(Literal::Kind kind, int64_t number) {
    Literal literal;
    literal.kind = kind;
    literal.number = number;
    return literal;
  }

  std::string_view left_;
};

}  // namespace

const Literal* Literal::Find(std::string_view key) const {
  for (size_t i = 0; kind == Kind::kDict && i + 1 < items.size(); i += 2) {
    if (items[i].kind == Kind::kText && items[i].text == key) return &items[i + 1];
  }
  return nullptr;
}

std::optional<Literal> ParseLiteral(std::string_view source) {
  return Parser(source).Parse();
}

}  // namespace batuta::safety::pickle
