// Whatever the bytes are: what was measured is what can be read, within the budget.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/container/compression.h"

namespace {

absl::Status ReadTwice(batuta::safety::Subject& subject) {
  std::string first;
  std::string second;
  for (std::string* content : {&first, &second}) {
    batuta::safety::ByteReader reader(subject.bytes());
    if (!reader.Append(reader.size_bytes(), *content)) std::abort();
  }
  if (first != second) std::abort();
  return absl::OkStatus();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  batuta::safety::ForeignArchiveName(bytes);
  if (!batuta::safety::ProbeCompression(bytes)) return 0;
  batuta::safety::MemorySource source(bytes);
  batuta::safety::Report report;
  batuta::safety::Subject subject("file.gz", source, report, ReadTwice);
  if (!InspectCompressed(subject).ok()) std::abort();
  return 0;
}
