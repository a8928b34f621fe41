// Any template is judged within bounds; one that reaches a private name never looks harmless.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/safety/text/template.h"
#include "daemon/safety/text/template_lexer.h"

namespace {

batuta::safety::Verdict Look(std::string_view source) {
  batuta::safety::MemorySource bytes(source);
  batuta::safety::Report report;
  batuta::safety::Subject subject("a.jinja", bytes, report,
                                  [](batuta::safety::Subject&) { return absl::OkStatus(); });
  InspectTemplate(subject, source, 0);
  return std::move(report).Take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string source(reinterpret_cast<const char*>(data), size);
  if (!Look(source).grades.empty()) return 0;
  // It was read to its end, so what follows is outside of any expression.
  if (Look(source + "{{ x.__class__ }}").grades.empty()) std::abort();
  return 0;
}
