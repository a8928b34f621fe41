// Whatever stands in a file: no crash, bounded work, and what is told hangs together.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/safety/base/byte_source.h"
#include "daemon/secrets/scanner.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace batuta::secrets;
  static Scanner scanner = *Scanner::Create(*RuleSet::BuiltIn());
  // The first byte chooses the name, and with it the way to look.
  static constexpr std::string_view kNames[] = {"a.env",          "a.py",          "a.zip",  "a.ipynb",
                                                "tokenizer.json", "m.safetensors", "id_rsa", "a.gz"};
  if (size == 0) return 0;
  const std::string_view name = kNames[data[0] % std::size(kNames)];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  batuta::safety::MemorySource source(bytes);
  const absl::StatusOr<ScanReport> report = scanner.Scan(name, source);
  if (!report.ok() || report->findings.size() > kMostFindings) std::abort();
  for (const Finding& finding : report->findings) {
    if (finding.line == 0 || finding.column == 0 || finding.kind.empty()) std::abort();
    if (finding.path.substr(0, name.size()) != name) std::abort();
    if (finding.fingerprint != FingerprintOf(finding.path, finding.kind, finding.line)) std::abort();
  }
  return 0;
}
