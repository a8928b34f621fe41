#include "daemon/safety/pickle/single.h"

#include <string>

#include <fmt/format.h>

#include "daemon/safety/pickle/code_reader.h"
#include "daemon/safety/pickle/rules.h"

namespace batuta::safety::pickle {

absl::Status InspectSingle(Subject& subject, ByteReader& reader, const Dialect& dialect) {
  subject.report().SawPickle();
  CodeReader code(reader);
  Machine machine(subject, code, dialect);
  bool is_whole = machine.Walk() == Machine::End::kStop;
  if (is_whole && code.left_bytes() > 0) is_whole = FindTrailing(subject, code.offset());
  Finish(subject, machine, is_whole);
  return code.status();
}

void Finish(Subject& subject, Machine& machine, bool is_whole) {
  machine.ReportImports();
  if (!is_whole || machine.is_refused()) return;
  const size_t count = machine.import_count();
  subject.Add(rules::kPickleClean, 0,
              count == 0
                  ? std::string("a pickle of plain data")
                  : fmt::format("a pickle of which all imports ({}) and what it does with them are known to "
                                "be harmless",
                                count));
}

bool FindTrailing(Subject& subject, uint64_t at) {
  subject.Add(rules::kPickleTrailing, at, "bytes behind the end of the pickle");
  return false;
}

}  // namespace batuta::safety::pickle
