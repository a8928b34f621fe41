#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// What a text is for; its name tells.
enum class TextKind : uint8_t {
  kPlain,      // read by people, or as lines of data
  kCode,       // source code, and what is run by its name
  kNotebook,   // JSON with cells of code
  kConfig,     // JSON that a loader takes its instructions from
  kData,       // JSON that is nothing but data: a vocabulary
  kJsonLines,  // one JSON value a line
  kYaml,
  kTemplate,  // Jinja
  kMarkup,    // HTML, SVG and other XML
  kTiktoken,  // a base64 word and its rank a line
};

// Does a file begin like text that has these first bytes? UTF-8, and no NUL. `is_whole`: they are all of it.
bool LooksLikeText(std::string_view first, bool is_whole);

// Can it be text of the years before UTF-8, one byte a character? Then no control character stands in it but
// those that lay out lines. Only a name that promises plain text makes it one.
bool LooksLikeOldText(std::string_view first);

// What git-lfs leaves in place of a file that was not fetched.
bool IsLfsPointer(std::string_view first);

// A page, such as a server sends instead of the file.
bool IsHtmlPage(std::string_view first);

// A text to its last byte, by what it is for.
absl::Status InspectText(Subject& subject, TextKind kind);

}  // namespace batuta::safety
