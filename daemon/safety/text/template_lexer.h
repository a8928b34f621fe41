#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace batuta::safety {

// One word inside `{{ … }}` or `{% … %}` of a Jinja template.
struct TemplateToken {
  enum class Kind : uint8_t { kName, kString, kInteger, kFloat, kOperator };

  Kind kind = Kind::kOperator;
  std::string text;  // of a string what it means: escapes decoded, literals that stand side by side joined
  uint64_t integer = 0;    // UINT64_MAX when it is larger
  bool is_opaque = false;  // a string with `\N{…}`, whose meaning only Python knows

  bool Is(std::string_view operator_or_name) const {
    return (kind == Kind::kOperator || kind == Kind::kName) && text == operator_or_name;
  }
};

// One `{{ … }}` or `{% … %}`.
struct TemplatePart {
  bool is_statement = false;  // `{% … %}`; its first token is the name of the tag
  int line = 0;               // where it begins, from 1
  std::vector<TemplateToken> tokens;
};

struct TemplateParts {
  std::vector<TemplatePart> parts;  // without comments, literal text and what stands in {% raw %}
  std::string problem;              // why reading stopped, for a person; empty when it came to the end
  int problem_line = 0;
};

// Reads a template as Jinja2 does with the settings that chat templates are rendered with (no line
// statements). Memory and time are linear in `source`.
TemplateParts SplitTemplate(std::string_view source);

}  // namespace batuta::safety
