// Zips inside of zips, whatever they claim to be: no crash, and reading memory never fails.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/bundle/bundle.h"

namespace {

absl::Status Inspect(batuta::safety::Subject& subject) {
  batuta::safety::ByteReader reader(subject.bytes());
  if (reader.Peek(2) == "PK") return InspectZip(subject);
  return reader.status().ok() ? InspectTar(subject) : reader.status();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  batuta::safety::MemorySource source({reinterpret_cast<const char*>(data), size});
  batuta::safety::Report report;
  batuta::safety::Subject subject("file.keras", source, report, Inspect);
  if (!Inspect(subject).ok()) std::abort();
  return 0;
}
