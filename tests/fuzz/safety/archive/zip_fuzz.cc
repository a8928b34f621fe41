// Where nothing is wrong with a zip, another reader finds the same members with the same content in it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/container/zip.h"
#include "tests/fuzz/safety/archive/other_reader.h"

namespace {

using batuta::safety::ByteReader;
using batuta::safety::ByteSource;
using batuta::safety::ZipArchive;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  batuta::safety::MemorySource source(bytes);
  batuta::safety::Report report;
  batuta::safety::Subject subject("file.zip", source, report, nullptr);
  ZipArchive zip(subject);
  if (!zip.ReadDirectory().ok()) std::abort();
  batuta::test::Members members;
  for (const uint32_t i : zip.in_file_order()) {
    const auto& entry = zip.entries()[i];
    const auto keep = [&](ByteSource& content) {
      if (entry.is_folder()) return absl::OkStatus();
      std::string& kept = members[entry.name];
      kept.clear();
      ByteReader reader(content);
      reader.Append(reader.size_bytes(), kept);
      return reader.status();
    };
    if (!zip.Open(i, ZipArchive::Digest::kVerified, keep).ok()) std::abort();
  }
  if (!zip.ReadHeaders().ok()) std::abort();
  if (report.grades().empty() && !members.empty() && batuta::test::ReadElsewhere(bytes) != members)
    std::abort();
  return 0;
}
