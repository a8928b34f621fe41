#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"
#include "daemon/safety/container/decoder.h"

namespace batuta::safety {

// Is a file that begins with these bytes compressed, and how? zlib and lzma have next to no magic: of them
// the beginning must decompress, so give some hundred bytes.
std::optional<Compression> ProbeCompression(std::string_view first_bytes);

// A compressed file to its last byte: all of its streams, with their checksums. What it expands to is
// inspected by its content. Call it where ProbeCompression() knows the file.
absl::Status InspectCompressed(Subject& subject);

// "7z archive", "RAR archive", …: containers that are refused by their magic, since a scanner that looks into
// them need not see what a loader sees. Empty for anything else; sixteen bytes are enough.
std::string_view ForeignArchiveName(std::string_view first_bytes);

// Call it where ForeignArchiveName() knows the file.
absl::Status InspectForeignArchive(Subject& subject);

}  // namespace batuta::safety
