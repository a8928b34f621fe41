#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

#include "daemon/secrets/checks.h"

namespace batuta::secrets {

// Text that stood in a coding inside of other text.
struct Decoded {
  // From here on, `units` bytes of what was coded make `bytes` of what it says.
  struct Piece {
    size_t at = 0;      // in `text`
    size_t origin = 0;  // in the other text
    size_t units = 1;
    size_t bytes = 1;
  };

  std::string text;
  std::vector<Piece> pieces;  // ascending; the first at 0
  Span origin;
  bool is_packed = false;  // a compressed file or an archive

  // Where a byte of `text` came from.
  size_t OriginOf(size_t offset) const;
};

// Tells all base64 (also with `-` and `_`, also in lines), hex, `%XX`, `\xXX` and `\uXXXX` that begins in
// `zone`, or goes on into it, and says something: text, UTF-16 or something compressed. Pure. What is none
// costs little: text goes by at gigabytes a second.
void FindDecodable(std::string_view text, Span zone, absl::FunctionRef<void(Decoded decoded)> found);

}  // namespace batuta::secrets
