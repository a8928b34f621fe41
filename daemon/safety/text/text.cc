#include "daemon/safety/text/text.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "common/text/utf8.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/text/markup.h"
#include "daemon/safety/text/repo_config.h"
#include "daemon/safety/text/rules.h"
#include "daemon/safety/text/template.h"
#include "daemon/safety/text/yaml.h"

namespace batuta::safety {
namespace {

constexpr size_t kLongestSequence = 4;

// Bytes of ASCII, NUL apart, that `text` begins with.
size_t PlainPrefix(std::string_view text) {
  constexpr uint64_t kHigh = 0x8080'8080'8080'8080;
  constexpr uint64_t kLow = 0x0101'0101'0101'0101;
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    if (((word | ((word - kLow) & ~word)) & kHigh) != 0) break;
  }
  while (at < text.size() && text[at] != '\0' && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

// Of the control characters those that lay out lines.
bool IsOldText(char c) {
  return static_cast<unsigned char>(c) >= 0x20 ? c != '\x7F' : c >= '\t' && c <= '\r';
}

void NotText(Subject& subject, uint64_t offset) {
  subject.Add(rules::kNotText, offset, "bytes that are no text");
}

// All of it, where UTF-8 was not to be had.
absl::Status InspectOldText(Subject& subject) {
  ByteReader reader(subject.bytes());
  for (std::string_view here = reader.Window(); !here.empty(); here = reader.Window()) {
    const auto odd = std::find_if_not(here.begin(), here.end(), IsOldText);
    if (odd != here.end()) {
      NotText(subject, reader.offset() + static_cast<uint64_t>(odd - here.begin()));
      return absl::OkStatus();
    }
    reader.Skip(here.size());
  }
  if (reader.status().ok()) subject.report().AddNote("its text is not UTF-8 but of an older encoding");
  return reader.status();
}

absl::Status InspectPlain(Subject& subject, bool may_be_old) {
  ByteReader reader(subject.bytes());
  while (true) {
    const std::string_view here = reader.Window();
    if (here.empty()) return reader.status();
    size_t at = PlainPrefix(here);
    while (at < here.size() && at + kLongestSequence <= here.size()) {
      if (here[at] == '\0' || !NextUtf8(here, at).valid) break;
      at += NextUtf8(here, at).length;
      at += PlainPrefix(here.substr(at));
    }
    reader.Skip(at);
    // What stopped it: the end of the buffer, in the middle of a character, or what is none.
    if (at == here.size()) continue;
    const std::string_view character = reader.Peek(kLongestSequence);
    if (character.empty()) return reader.status();
    if (character[0] == '\0' || !NextUtf8(character, 0).valid) {
      if (may_be_old) return InspectOldText(subject);
      NotText(subject, reader.offset());
      return absl::OkStatus();
    }
    reader.Skip(NextUtf8(character, 0).length);
  }
}

// What is said of a text that is not looked into.
struct Unread {
  uint64_t most_bytes;
  const Rule& too_large;
  const Rule& no_text;
};

absl::Status InspectWhole(Subject& subject, const Unread& unread,
                          void (*inspect)(Subject&, std::string_view)) {
  if (subject.size_bytes() > unread.most_bytes) {
    subject.Add(unread.too_large, 0,
                fmt::format("{} bytes are more than {}", subject.size_bytes(), unread.most_bytes));
    return absl::OkStatus();
  }
  ByteReader reader(subject.bytes());
  std::string text;
  if (!reader.Append(subject.size_bytes(), text)) return reader.status();
  if (!IsValidUtf8(text) || text.find('\0') != std::string::npos) {
    subject.Add(unread.no_text, 0, "bytes that are no text");
  } else {
    inspect(subject, text);
  }
  return absl::OkStatus();
}

// Lines of base64, a space, digits.
absl::Status InspectTiktoken(Subject& subject) {
  enum class In { kBegin, kWord, kRank };
  In in = In::kBegin;
  bool has_digits = false;
  ByteReader reader(subject.bytes());
  for (std::string_view here = reader.Window(); !here.empty(); here = reader.Window()) {
    for (size_t at = 0; at < here.size(); ++at) {
      const char c = here[at];
      const bool is_digit = c >= '0' && c <= '9';
      const bool is_word =
          is_digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/' || c == '=';
      bool fits = true;
      if (in == In::kRank) {
        fits = is_digit || ((c == '\n' || c == '\r') && has_digits);
        has_digits |= is_digit;
        if (c == '\n') in = In::kBegin;
      } else if (c == ' ') {
        fits = in == In::kWord;
        in = In::kRank;
        has_digits = false;
      } else if (in == In::kBegin && (c == '\n' || c == '\r')) {
        continue;
      } else {
        fits = is_word;
        in = In::kWord;
      }
      if (fits) continue;
      subject.Add(rules::kTiktoken, reader.offset() + at, "no base64 word with its rank");
      return absl::OkStatus();
    }
    reader.Skip(here.size());
  }
  if (reader.status().ok() && (in == In::kWord || (in == In::kRank && !has_digits))) {
    subject.Add(rules::kTiktoken, subject.size_bytes(), "it ends inside a line");
  }
  return reader.status();
}

std::string_view FormatOf(TextKind kind) {
  switch (kind) {
    case TextKind::kPlain:
      return "text";
    case TextKind::kCode:
      return "source code";
    case TextKind::kNotebook:
      return "notebook";
    case TextKind::kConfig:
    case TextKind::kData:
      return "json";
    case TextKind::kJsonLines:
      return "json lines";
    case TextKind::kYaml:
      return "yaml";
    case TextKind::kTemplate:
      return "template";
    case TextKind::kMarkup:
      return "markup";
    case TextKind::kTiktoken:
      return "tiktoken";
  }
  return "text";
}

}  // namespace

bool LooksLikeText(std::string_view first, bool is_whole) {
  for (size_t at = PlainPrefix(first); at < first.size(); at += PlainPrefix(first.substr(at))) {
    const Utf8Step step = NextUtf8(first, at);
    if (first[at] == '\0') return false;
    if (!step.valid) {
      // The beginning of a character that may go on behind these bytes.
      const auto lead = static_cast<unsigned char>(first[at]);
      return !is_whole && first.size() - at < kLongestSequence && lead >= 0xC2 && lead <= 0xF4;
    }
    at += step.length;
  }
  return true;
}

bool LooksLikeOldText(std::string_view first) {
  return std::all_of(first.begin(), first.end(), IsOldText);
}

bool IsLfsPointer(std::string_view first) {
  return first.starts_with("version https://git-lfs.github.com/spec/");
}

bool IsHtmlPage(std::string_view first) {
  if (first.starts_with("\xEF\xBB\xBF")) first.remove_prefix(3);
  first.remove_prefix(std::min(first.find_first_not_of(" \t\r\n"), first.size()));
  std::string begin(first.substr(0, 16));
  for (char& c : begin) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return begin.starts_with("<!doctype html") || begin.starts_with("<html");
}

absl::Status InspectText(Subject& subject, TextKind kind) {
  subject.SetFormat(FormatOf(kind));
  switch (kind) {
    case TextKind::kCode:
      subject.Add(rules::kSourceCode, 0, "source code");
      return InspectPlain(subject, true);
    case TextKind::kNotebook:
      subject.Add(rules::kNotebook, 0, "a notebook, whose cells are code");
      return InspectPlain(subject, false);
    case TextKind::kConfig:
    case TextKind::kData:
      return InspectRepoConfig(subject, kind == TextKind::kConfig);
    case TextKind::kYaml:
      return InspectWhole(subject, {kMostYamlBytes, rules::kTooComplex, rules::kNotText}, InspectYaml);
    case TextKind::kTemplate:
      return InspectWhole(subject, {kMostTemplateBytes, rules::kTemplateTooLarge, rules::kTemplateBroken},
                          [](Subject& whole, std::string_view text) { InspectTemplate(whole, text, 0); });
    case TextKind::kMarkup:
      return InspectMarkup(subject);
    case TextKind::kTiktoken:
      return InspectTiktoken(subject);
    case TextKind::kPlain:
      return InspectPlain(subject, true);
    case TextKind::kJsonLines:
      return InspectPlain(subject, false);
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
