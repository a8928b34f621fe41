#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "daemon/secrets/stream.h"

namespace batuta::secrets {

// What all archives of one file, however nested, may take together.
struct ArchiveBudget {
  uint64_t expanded_bytes = 256 << 20;
  uint64_t members = 100'000;
};

// Does a file that begins with these bytes hold others, or is it compressed? zip, tar, gzip, bzip2, xz, zstd,
// lz4, 7z.
bool IsArchive(std::string_view head);

// Walks an archive in the order in which it stands, or the one file that is compressed. `seekable` is the
// same as `packed` where one can go back and forth, else null. `use` gets each file (its name, its bytes) and
// need not read it. Answers in `problem`, for a person, why something could not be read: damaged, encrypted,
// too large. An error is one of `use`.
absl::Status WalkArchive(Stream& packed, SourceStream* seekable, ArchiveBudget& budget,
                         absl::FunctionRef<absl::Status(std::string_view name, Stream& content)> use,
                         std::string& problem);

// What is only compressed: gzip, bzip2, xz, zstd or lz4. Ends where that does, or where it makes no sense.
// Null when it is nothing of these. `packed` is borrowed.
std::unique_ptr<Stream> OpenCompressed(Stream& packed);

}  // namespace batuta::secrets
