#include "daemon/transfer/blob_writer.h"

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::transfer {

absl::Status DigestMismatch(const RepoId& repo, const Entry& entry, const std::string& actual) {
  return MakeError(
      absl::StatusCode::kDataLoss, reason::kDigestMismatch,
      fmt::format("{} of {}: the bytes that arrived are not the file that the hub names", entry.path.text(),
                  repo.id()),
      "nothing was kept of them; if it happens again, a proxy on the way or the hub itself damages the file",
      {{"expected", entry.blob.hex()}, {"actual", actual}});
}

}  // namespace batuta::transfer
