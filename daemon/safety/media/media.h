// Pictures, sound, films, documents and tables: what a dataset holds, and what is decoded and never run.
// Looked at only as far as it must be to know where each ends, so that nothing else hides behind it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

struct MediaFormat {
  std::string_view signature;
  uint32_t offset = 0;    // of the signature
  std::string_view what;  // for a person: "a picture"
  bool is_table = false;  // columns of numbers and text: Parquet, Arrow
  absl::Status (*inspect)(Subject& subject) = nullptr;
};

// In the order in which they are to be tried.
std::span<const MediaFormat> MediaFormats();

}  // namespace batuta::safety
