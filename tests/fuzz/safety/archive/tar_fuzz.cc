// Where nothing is wrong with a tar, another reader finds the same members with the same content in it.
// Checksums are made right first, or hardly any mutation would get past them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/safety/container/tar.h"
#include "tests/fuzz/safety/archive/other_reader.h"

namespace {

std::string WithChecksums(std::string bytes) {
  for (size_t at = 0; at + 512 <= bytes.size(); at += 512) {
    if (bytes.compare(at + 257, 5, "ustar") != 0) continue;
    bytes.replace(at + 148, 8, 8, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < 512; ++i) sum += static_cast<uint8_t>(bytes[at + i]);
    char field[8];
    std::snprintf(field, sizeof field, "%06o", sum);
    bytes.replace(at + 148, 7, field, 7);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes = WithChecksums({reinterpret_cast<const char*>(data), size});
  batuta::safety::MemorySource source(bytes);
  batuta::safety::Report report;
  batuta::safety::Subject subject("file.tar", source, report, nullptr);
  std::vector<batuta::safety::TarEntry> entries;
  if (!ReadTar(subject, entries).ok()) std::abort();
  batuta::test::Members members;
  for (const auto& entry : entries) {
    if (entry.offset > size || entry.size_bytes > size - entry.offset) std::abort();
    if (!entry.is_folder) members[entry.name] = bytes.substr(entry.offset, entry.size_bytes);
  }
  if (!report.grades().empty() || members.empty()) return 0;
  // The other reader leaves `./` where it is.
  std::optional<batuta::test::Members> elsewhere = batuta::test::ReadElsewhere(bytes);
  if (!elsewhere) std::abort();
  batuta::test::Members plain;
  for (auto& [name, content] : *elsewhere) {
    std::string_view rest = name;
    while (rest.starts_with("./")) rest.remove_prefix(2);
    plain[std::string(rest)] = std::move(content);
  }
  if (plain != members) std::abort();
  return 0;
}
