#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace batuta {

// BlobId names bytes by their content, as the hub does in its etags: the sha256 of an LFS or Xet file, or the
// git blob sha1 (over `blob <size>\0` and the bytes) of a regular one. It is also the blob's file name in the
// cache.
class BlobId {
 public:
  enum class Kind { kGitSha1, kSha256 };

  // Takes a bare hex name, or an etag in any form the hub sends: quoted, weak (`W/"…"`).
  //   kInvalidArgument (INVALID_ETAG)  not 40 or 64 lower-case hex characters; such a name is never used as a
  //   path.
  static absl::StatusOr<BlobId> Parse(std::string_view text);

  Kind kind() const { return hex_.size() == 64 ? Kind::kSha256 : Kind::kGitSha1; }

  const std::string& hex() const { return hex_; }

  friend auto operator<=>(const BlobId&, const BlobId&) = default;

 private:
  explicit BlobId(std::string hex) : hex_(std::move(hex)) {}

  std::string hex_;
};

}  // namespace batuta

template <>
struct std::hash<batuta::BlobId> {
  size_t operator()(const batuta::BlobId& value) const noexcept {
    return std::hash<std::string>()(value.hex());
  }
};
