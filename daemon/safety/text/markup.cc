#include "daemon/safety/text/markup.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/text/rules.h"

namespace batuta::safety {
namespace {

// In lower case. What runs a script, holds a page, or defines what stands for other text.
constexpr std::string_view kNeedles[] = {
    "<script", "javascript:",    "vbscript:", "<iframe",        "<object",
    "<embed",  "<foreignobject", "<!entity",  "data:text/html", "data:text/javascript"};
constexpr size_t kLongestNeedle = 24;
constexpr size_t kShortestHandler = 5;  // "oncut"

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Finds attributes named like event handlers, character by character.
class Handlers {
 public:
  // True at the `=` of one.
  bool Take(char c) {
    if (quote_ != '\0') {
      if (c == quote_) quote_ = '\0';
      return false;
    }
    const bool is_letter = c >= 'a' && c <= 'z';
    if (c == '<') {
      in_tag_ = true;
      name_.clear();
    } else if (c == '>') {
      in_tag_ = false;
    } else if (in_tag_ && (c == '"' || c == '\'')) {
      quote_ = c;
      name_.clear();
      is_over_ = false;
    } else if (in_tag_ && is_letter) {
      if (is_over_) name_.clear();
      is_over_ = false;
      if (name_.size() < kShortestHandler) name_.push_back(c);
    } else if (in_tag_ && c == '=') {
      return name_.size() == kShortestHandler && name_.starts_with("on");
    } else {
      const bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
      if (is_space) {
        is_over_ = true;
      } else {
        name_.clear();
      }
    }
    return false;
  }

 private:
  bool in_tag_ = false;
  bool is_over_ = false;  // the name, unless a `=` follows
  char quote_ = '\0';
  std::string name_;
};

}  // namespace

absl::Status InspectMarkup(Subject& subject) {
  ByteReader reader(subject.bytes());
  Handlers handlers;
  std::string text;  // what was read last, in lower case, with the end of what was before
  for (std::string_view here = reader.Window(); !here.empty(); here = reader.Window()) {
    const uint64_t begin = reader.offset();
    text.erase(0, text.size() - std::min(text.size(), kLongestNeedle));
    const size_t kept = text.size();
    for (const char c : here) text.push_back(Lower(c));
    if (text.find('\0') != std::string::npos) {
      subject.Add(rules::kNotText, begin, "bytes that are no text");
      return absl::OkStatus();
    }
    for (const std::string_view needle : kNeedles) {
      if (const size_t at = text.find(needle); at != std::string::npos) {
        subject.Add(rules::kMarkupScript, begin + at - kept, fmt::format("holds {}", Quoted(needle)));
        return absl::OkStatus();
      }
    }
    for (size_t at = kept; at < text.size(); ++at) {
      if (!handlers.Take(text[at])) continue;
      subject.Add(rules::kMarkupScript, begin + at - kept, "holds an event handler");
      return absl::OkStatus();
    }
    reader.Skip(here.size());
  }
  return reader.status();
}

}  // namespace batuta::safety
