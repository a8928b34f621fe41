#include "tests/support/safety/inspect.h"

#include <utility>

namespace batuta::safety {

absl::Status CountingSource::Read(uint64_t offset, std::span<char> out) {
  if (offset + out.size() > here_.size()) return absl::OutOfRangeError("not here yet");
  here_.copy(out.data(), out.size(), offset);
  read_bytes_ += out.size();
  return absl::OkStatus();
}

Inspected InspectWith(Subject::Inspector parser, ByteSource& bytes, std::string_view name) {
  Report report;
  Subject subject(name, bytes, report, parser);
  absl::Status status = parser(subject);
  return {std::move(report).Take(), std::move(status)};
}

Verdict InspectWith(Subject::Inspector parser, std::string_view bytes, std::string_view name) {
  MemorySource source(bytes);
  return InspectWith(parser, source, name).verdict;
}

std::string CodesOf(const Verdict& verdict) {
  std::string codes;
  for (const Finding& finding : verdict.findings) {
    if (!codes.empty()) codes += ",";
    codes += finding.code;
  }
  return codes;
}

}  // namespace batuta::safety
