#include "common/types/blob_id.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta {
namespace {

bool IsLowerHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// As the Python library does: any leading run of `W` and `/`, then the quotes around the rest.
std::string_view StripEtag(std::string_view text) {
  while (!text.empty() && (text.front() == 'W' || text.front() == '/')) text.remove_prefix(1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

absl::StatusOr<BlobId> BlobId::Parse(std::string_view text) {
  const std::string_view hex = StripEtag(text);
  if ((hex.size() != 40 && hex.size() != 64) || !std::all_of(hex.begin(), hex.end(), IsLowerHex)) {
    return MakeError(
        absl::StatusCode::kInvalidArgument, reason::kInvalidEtag,
        fmt::format("{} is not a content hash: 40 or 64 lower-case hex characters expected", Quoted(text)),
        "the server, or the cache folder, holds something that is not a Hugging Face file");
  }
  return BlobId(std::string(hex));
}

}  // namespace batuta
