#include "daemon/metadata/catalog_folder.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/status/status.h"

namespace batuta::metadata {
namespace {

namespace fs = std::filesystem;

// RocksDB leaves files with names that are not its own alone.
constexpr const char* kLockName = "OWNER";
constexpr const char* kDamagedName = "DAMAGED";

absl::Status MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return ErrnoError(error.value(), "make the state folder " + path.parent_path().native());
  if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST)
    return ErrnoError(errno, "make the catalog folder " + path.native());
  return absl::OkStatus();
}

// `2026-11-02T08:15:30.250Z` → `20261102T081530Z`.
std::string Compact(WallTime time) {
  std::string compact;
  for (const char c : FormatRfc3339(time)) {
    if (c == '.') break;
    if (c != '-' && c != ':') compact += c;
  }
  return compact + 'Z';
}

}  // namespace

absl::StatusOr<CatalogFolder> CatalogFolder::Take(fs::path path) {
  RETURN_IF_ERROR(MakeFolder(path));
  const fs::path lock_path = path / kLockName;
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return ErrnoError(errno, "open " + lock_path.native());
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return ErrnoError(errno, "lock " + lock_path.native());
    return MakeError(
        absl::StatusCode::kFailedPrecondition, reason::kDaemonBusy,
        fmt::format("another process uses the catalog {}", path.native()),
        "stop the other batutad (`batuta daemon stop`), or use another state folder (--state-dir)");
  }
  return CatalogFolder(std::move(path), std::move(lock));
}

bool CatalogFolder::HasDatabase() const {
  std::error_code error;
  return fs::exists(path_ / "CURRENT", error);
}

std::optional<std::string> CatalogFolder::ObviousDamage() const {
  std::error_code error;
  if (fs::exists(path_ / kDamagedName, error)) return "damage was found while it was in use";
  if (HasDatabase()) return std::nullopt;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().native();
    const std::string extension = entry->path().extension().native();
    if (extension == ".sst" || extension == ".log")
      return fmt::format("{} is there and CURRENT is not", name);
  }
  return std::nullopt;
}

void CatalogFolder::MarkDamaged() const {
  const fs::path marker = path_ / kDamagedName;
  // Without the marker the damage is found again, later: nothing to report.
  const UniqueFd file(::open(marker.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

absl::StatusOr<fs::path> CatalogFolder::SetAside(WallTime now) {
  constexpr int kMostPerSecond = 100;
  const std::string wanted = fmt::format("{}.damaged-{}", path_.native(), Compact(now));
  fs::path aside = wanted;
  std::error_code error;
  for (int n = 2; fs::exists(aside, error) && n <= kMostPerSecond; ++n)
    aside = fmt::format("{}-{}", wanted, n);
  fs::rename(path_, aside, error);
  if (error) return ErrnoError(error.value(), fmt::format("rename {} to {}", path_.native(), aside.native()));
  ASSIGN_OR_RETURN(*this, Take(path_));
  return aside;
}

}  // namespace batuta::metadata
