#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace batuta {

// A term and what it means: a flag, a variable, an exit code.
struct Term {
  std::string_view name;
  std::string_view meaning;
};

// ManPage writes a page of the manual in the language of man(7). All texts are taken as plain UTF-8: nothing
// in them is markup. Pure.
class ManPage {
 public:
  struct Title {
    std::string name;  // "batuta-hf-pull"
    int section = 1;
    std::string summary;  // one line without a full stop, for `man -k`
    std::string date;     // of the release, "2026-11-28"
    std::string release;  // "batuta 0.1.0"
  };

  explicit ManPage(const Title& title);

  // Heads what follows: "OPTIONS".
  ManPage& Section(std::string_view name);
  ManPage& Paragraph(std::string_view text);

  // `term` in bold, what it means indented below it.
  ManPage& Tagged(std::string_view term, std::string_view meaning);

  // A command line, in bold on a line of its own.
  ManPage& CommandLine(std::string_view text);

  std::string Take() { return std::move(text_); }

 private:
  void BeginParagraph();

  std::string text_;
};

}  // namespace batuta
