#include "daemon/cache/layout.h"

#include <fmt/format.h>

namespace batuta::cache {
namespace {

std::string PartSuffix(std::string_view instance) {
  return fmt::format(".{}.batuta-part", instance);
}

}  // namespace

Layout::Path Layout::Lock(const RepoId& repo, const BlobId& blob) const {
  return Locks() / repo.folder() / (blob.hex() + ".lock");
}

Layout::Path Layout::Tree(const RepoId& repo, const CommitId& commit) const {
  return Trees(repo) / (commit.hex() + ".json");
}

std::string LinkText(const RepoPath& path, const BlobId& blob) {
  std::string text = "../";
  for (size_t i = 0; i < path.depth(); ++i) text += "../";
  return text + "blobs/" + blob.hex();
}

std::string PartName(const BlobId& blob, std::string_view instance) {
  return blob.hex() + PartSuffix(instance);
}

std::optional<BlobId> BlobOfPartName(std::string_view name, std::string_view instance) {
  const std::string suffix = PartSuffix(instance);
  if (!name.ends_with(suffix)) return std::nullopt;
  auto blob = BlobId::Parse(name.substr(0, name.size() - suffix.size()));
  if (!blob.ok()) return std::nullopt;
  return *std::move(blob);
}

}  // namespace batuta::cache
