#include "common/text/man_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/text/utf8.h"

namespace batuta {
namespace {

// Text as roff takes it: nothing in it is a request or an escape. What is not ASCII is named, so that the
// page needs no coding; a hyphen is a minus that can be searched for and copied.
std::string Escaped(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = NextUtf8(text, at);
    at += step.length;
    if (step.point == U'\\') {
      out += "\\e";
    } else if (step.point == U'-') {
      out += "\\-";
    } else if (step.point == U'\'') {
      out += "\\(aq";
    } else if (step.point == U'`') {
      out += "\\(ga";
    } else if (step.point == U'^') {
      out += "\\(ha";
    } else if (step.point == U'~') {
      out += "\\(ti";
    } else if (step.point == U'\n') {
      out += ' ';
    } else if (step.point < 0x80) {
      out += static_cast<char>(step.point);
    } else {
      out += fmt::format("\\[u{:04X}]", static_cast<uint32_t>(step.point));
    }
  }
  // A dot at the beginning would make a request of the line.
  if (out.starts_with('.')) out.insert(0, "\\&");
  return out;
}

// As one argument of a request.
std::string Argument(std::string_view text) {
  std::string out = Escaped(text);
  for (size_t at = 0; (at = out.find('"', at)) != std::string::npos; at += 4) out.replace(at, 1, "\\(dq");
  return '"' + out + '"';
}

std::string UpperCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

}  // namespace

ManPage::ManPage(const Title& title)
    : text_(fmt::format(".TH {} {} \"{}\" {} \"Manual of Batuta\"\n.SH NAME\n{} \\- {}\n",
                        Argument(UpperCase(title.name)), title.section, title.date, Argument(title.release),
                        Escaped(title.name), Escaped(title.summary))) {}

ManPage& ManPage::Section(std::string_view name) {
  text_ += fmt::format(".SH {}\n", Argument(name));
  return *this;
}

ManPage& ManPage::Paragraph(std::string_view text) {
  BeginParagraph();
  text_ += Escaped(text) + "\n";
  return *this;
}

ManPage& ManPage::Tagged(std::string_view term, std::string_view meaning) {
  text_ += fmt::format(".TP\n.B {}\n{}\n", Argument(term), Escaped(meaning));
  return *this;
}

ManPage& ManPage::CommandLine(std::string_view text) {
  BeginParagraph();
  text_ += fmt::format(".B {}\n", Argument(text));
  return *this;
}

// The first one after a heading needs no request of its own.
void ManPage::BeginParagraph() {
  const size_t last_line = text_.rfind('\n', text_.size() - 2) + 1;
  if (text_.compare(last_line, 3, ".SH") != 0) text_ += ".PP\n";
}

}  // namespace batuta
