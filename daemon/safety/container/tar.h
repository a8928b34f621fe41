#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

struct TarEntry {
  std::string name;     // as unpacked: without a leading `./`
  uint64_t offset = 0;  // of its content
  uint64_t size_bytes = 0;
  bool is_folder = false;
};

// Does a file that begins with these bytes (512 are enough) begin with a tar header?
bool IsTar(std::string_view first_bytes);

// Walks a tar (v7, ustar, pax or GNU) from header to header to its last byte, without reading what is
// between. What breaks a rule is found in the subject; where that leaves open what follows, the walk ends. An
// error is about reading; `entries` are then those that came before.
absl::Status ReadTar(Subject& subject, std::vector<TarEntry>& entries);

}  // namespace batuta::safety
