#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace batuta {

// Secret holds a token. It has no formatter, so logging it does not compile, and it prints as `[redacted]`
// where a test framework insists on printing. Reveal() is the one way to the text; grep for it to see every
// use.
class Secret {
 public:
  Secret() = default;

  explicit Secret(std::string text) : text_(std::move(text)) {}

  const std::string& Reveal() const { return text_; }

  bool empty() const { return text_.empty(); }

  friend bool operator==(const Secret&, const Secret&) = default;

  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "[redacted]"; }

 private:
  std::string text_;
};

}  // namespace batuta
