#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace batuta {

enum class RepoType { kModel, kDataset, kSpace };

// "model", "dataset", "space": the spelling of the command line and of JSON.
std::string_view ToString(RepoType type);

// Accepts "model", "dataset", "space" and their plurals.
//   kInvalidArgument (INVALID_REPO_ID)  anything else.
absl::StatusOr<RepoType> ParseRepoType(std::string_view text);

// RepoId names a repo on an endpoint: its type and its `[namespace/]name`. A value of this type is always
// well-formed: ASCII letters, digits, `_`, `-`, `.`; at most one `/`; no `--` or `..`; each part ≤ 96
// characters and starting and ending on a word character; not ending in `.git` (the rules of the Python
// library, minus Unicode).
class RepoId {
 public:
  //   kInvalidArgument (INVALID_REPO_ID)  says which rule the id breaks.
  static absl::StatusOr<RepoId> Parse(RepoType type, std::string_view id);

  RepoType type() const { return type_; }

  // `[namespace/]name`, in the caller's spelling.
  const std::string& id() const { return id_; }

  // Empty when the id has one part only.
  std::string_view repo_namespace() const;
  std::string_view name() const;

  // The cache folder: `models--org--name`.
  std::string folder() const;

  // The path segment of the API: "models", "datasets", "spaces".
  std::string_view api_segment() const;

  // What precedes the id in a file URL: "", "datasets/", "spaces/".
  std::string_view url_prefix() const;

  // Inverse of folder().  kInvalidArgument (INVALID_REPO_ID)  not such a name.
  static absl::StatusOr<RepoId> FromFolder(std::string_view folder);

  friend auto operator<=>(const RepoId&, const RepoId&) = default;

 private:
  RepoId(RepoType type, std::string id) : type_(type), id_(std::move(id)) {}

  RepoType type_;
  std::string id_;
};

}  // namespace batuta

template <>
struct std::hash<batuta::RepoId> {
  size_t operator()(const batuta::RepoId& value) const noexcept {
    return std::hash<std::string>()(value.id()) * 3 + static_cast<size_t>(value.type());
  }
};
