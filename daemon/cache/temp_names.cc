#include "daemon/cache/temp_names.h"

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::cache {

TempNames::TempNames(std::string_view instance) : prefix_(fmt::format(".batuta-{}-", instance)) {}

std::filesystem::path TempNames::Next(const std::filesystem::path& repo_folder) {
  return repo_folder / fmt::format("{}{}.tmp", prefix_, next_.fetch_add(1, std::memory_order_relaxed));
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
