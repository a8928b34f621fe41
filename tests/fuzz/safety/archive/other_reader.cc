#include "tests/fuzz/safety/archive/other_reader.h"

#include <memory>

#include <archive.h>
#include <archive_entry.h>

namespace batuta::test {

std::optional<Members> ReadElsewhere(std::string_view bytes) {
  const auto close = [](archive* reader) { archive_read_free(reader); };
  const std::unique_ptr<archive, decltype(close)> reader(archive_read_new(), close);
  archive_read_support_format_zip_seekable(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) return {};
  Members members;
  archive_entry* entry = nullptr;
  while (true) {
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) return members;
    if (result < ARCHIVE_WARN) return {};
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) return {};
    if (archive_entry_filetype(entry) == AE_IFDIR) continue;
    std::string& content = members[name];
    char piece[4096];
    while (true) {
      const la_ssize_t count = archive_read_data(reader.get(), piece, sizeof piece);
      if (count < 0) return {};
      if (count == 0) break;
      content.append(piece, static_cast<size_t>(count));
    }
  }
}

}  // namespace batuta::test
