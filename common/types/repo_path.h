#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace batuta {

// RepoPath is a path inside a repo that cannot escape the folder it is joined to: relative, `/`-separated, no
// empty, `.` or `..` component, no `.git` component (any letter case), no backslash, no drive letter, no
// control character, valid UTF-8, each component ≤ 255 bytes, ≤ 4,000 bytes and ≤ 64 components in all.
class RepoPath {
 public:
  //   kInvalidArgument (INVALID_PATH)  says which rule the path breaks; the path is quoted with controls
  //   escaped.
  static absl::StatusOr<RepoPath> Parse(std::string_view path);

  const std::string& text() const { return text_; }

  // The last component.
  std::string_view name() const;

  // Number of components; `a/b` has two.
  size_t depth() const;

  friend auto operator<=>(const RepoPath&, const RepoPath&) = default;

 private:
  explicit RepoPath(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace batuta

template <>
struct std::hash<batuta::RepoPath> {
  size_t operator()(const batuta::RepoPath& value) const noexcept {
    return std::hash<std::string>()(value.text());
  }
};
