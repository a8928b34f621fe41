#include "daemon/cache/temp_names.h"

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::cache {

namespace {

constexpr std::string_view kAside = ".aside";

}  // namespace

TempNames::TempNames(std::string_view instance) : prefix_(fmt::format(".batuta-{}-", instance)) {}

std::filesystem::path TempNames::Next(const std::filesystem::path& repo_folder) {
  return repo_folder / fmt::format("{}{}.tmp", prefix_, next_.fetch_add(1, std::memory_order_relaxed));
}

std::filesystem::path TempNames::NextAside(const std::filesystem::path& repo_folder, std::string_view blob) {
  const uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
  return repo_folder / fmt::format("{}{}-{}{}", prefix_, number, blob, kAside);
}

std::optional<std::string> TempNames::BlobOfAside(std::string_view name) const {
  if (!name.starts_with(prefix_) || !name.ends_with(kAside)) return std::nullopt;
  name.remove_prefix(prefix_.size());
  name.remove_suffix(kAside.size());
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos || dash + 1 == name.size()) return std::nullopt;
  return std::string(name.substr(dash + 1));
}

bool TempNames::IsOurs(std::string_view name) const {
  return name.starts_with(prefix_) && name.ends_with(".tmp");
}

absl::StatusOr<std::unique_ptr<File>> OpenFresh(FileSystem& files, const std::filesystem::path& temp) {
  auto file = files.Open(temp, OpenMode::kCreateNew);
  if (!absl::IsAlreadyExists(file.status())) return file;
  RETURN_IF_ERROR(files.Remove(temp));
  return files.Open(temp, OpenMode::kCreateNew);
}

}  // namespace batuta::cache
