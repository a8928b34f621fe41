#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace batuta {

// CommitId is 40 lower-case hex characters: the only revision that never moves.
class CommitId {
 public:
  //   kInvalidArgument (INVALID_REVISION)  not 40 hex characters.
  static absl::StatusOr<CommitId> Parse(std::string_view hex);

  const std::string& hex() const { return hex_; }

  friend auto operator<=>(const CommitId&, const CommitId&) = default;

 private:
  explicit CommitId(std::string hex) : hex_(std::move(hex)) {}

  std::string hex_;
};

// Revision is what a user writes: a branch, a tag, `refs/pr/N`, `refs/convert/X` or a commit. Always safe to
// use as a relative path below `refs/`: no empty, `.` or `..` component, no control character, ≤ 255 bytes.
class Revision {
 public:
  //   kInvalidArgument (INVALID_REVISION)  empty, too long, or not usable as a ref name.
  static absl::StatusOr<Revision> Parse(std::string_view text);

  static Revision Main() { return Revision("main"); }

  static Revision From(const CommitId& commit) { return Revision(commit.hex()); }

  const std::string& text() const { return text_; }

  // The commit, when the revision is spelled as one.
  std::optional<CommitId> AsCommit() const;

  friend auto operator<=>(const Revision&, const Revision&) = default;

 private:
  explicit Revision(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace batuta

template <>
struct std::hash<batuta::CommitId> {
  size_t operator()(const batuta::CommitId& value) const noexcept {
    return std::hash<std::string>()(value.hex());
  }
};

template <>
struct std::hash<batuta::Revision> {
  size_t operator()(const batuta::Revision& value) const noexcept {
    return std::hash<std::string>()(value.text());
  }
};
