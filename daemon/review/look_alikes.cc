#include "daemon/review/look_alikes.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "common/text/utf8.h"
#include "daemon/review/words.h"

namespace batuta::embedded {
std::string_view LookAlikesText();
}  // namespace batuta::embedded

namespace batuta::review {
namespace {

struct LookAlikes {
  char32_t first;
  char32_t last;
  std::string_view text;
};

char32_t HexOf(std::string_view text) {
  uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return number;
}

// By code point. The text is ours, so it is not checked for sense.
std::vector<LookAlikes> ReadTable() {
  std::vector<LookAlikes> table;
  for (const std::string_view line : Split(embedded::LookAlikesText(), "\n")) {
    if (line.starts_with('#')) continue;
    const std::vector<std::string_view> words = Split(line, " ");
    const std::string_view text = words.front() == "none" ? std::string_view() : words.front();
    for (size_t i = 1; i < words.size(); ++i) {
      const std::vector<std::string_view> ends = Split(words[i], "-");
      table.push_back({HexOf(ends.front()), HexOf(ends.back()), text});
    }
  }
  std::ranges::sort(table, {}, &LookAlikes::first);
  return table;
}

// Null when the character looks like none that a repo id may have.
const LookAlikes* Find(char32_t point) {
  static const std::vector<LookAlikes> table = ReadTable();
  const auto after = std::ranges::upper_bound(table, point, {}, &LookAlikes::first);
  if (after == table.begin()) return nullptr;
  const LookAlikes& found = *std::prev(after);
  return point <= found.last ? &found : nullptr;
}

}  // namespace

std::string PlainForm(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size();) {
    const Utf8Step step = NextUtf8(text, i);
    const LookAlikes* const known = step.valid && step.point >= 0x80 ? Find(step.point) : nullptr;
    plain += known != nullptr ? known->text : text.substr(i, step.length);
    i += step.length;
  }
  return plain;
}

std::string Skeleton(std::string_view text) {
  std::string skeleton;
  for (const char c : PlainForm(text)) {
    switch (c) {
      case '-':
      case '_':
      case '.':
        break;
      case 'I':
      case '1':
      case '|':
        skeleton += 'l';
        break;
      case '0':
        skeleton += 'o';
        break;
      case 'm':
      case 'M':
        skeleton += "rn";
        break;
      case 'w':
      case 'W':
        skeleton += "vv";
        break;
      default:
        skeleton += LowerOf(c);
    }
  }
  return skeleton;
}

std::string Letters(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    if (c != '-' && c != '_' && c != '.') letters += LowerOf(c);
  }
  return letters;
}

}  // namespace batuta::review
