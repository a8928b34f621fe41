#include "tests/hubsim/net/spool_folder.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

namespace batuta::hubsim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 1U << 20U;

bool Fill(int fd, std::uint64_t bytes, const std::string& block) {
  while (bytes > 0) {
    const ssize_t written = ::write(fd, block.data(), std::min<std::uint64_t>(bytes, block.size()));
    if (written <= 0) return false;
    bytes -= static_cast<std::uint64_t>(written);
  }
  return ::lseek(fd, 0, SEEK_SET) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SpoolFolder>> SpoolFolder::Make(fs::path parent) {
  std::error_code error;
  if (parent.empty()) parent = fs::temp_directory_path(error);
  std::string name = (parent / "hubsim-XXXXXX").string();
  if (error || ::mkdtemp(name.data()) == nullptr) {
    return absl::UnavailableError("no temporary folder for uploads: " + name);
  }
  return std::unique_ptr<SpoolFolder>(new SpoolFolder(name));
}

SpoolFolder::~SpoolFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

absl::Status SpoolFolder::Prepare(std::size_t count, std::uint64_t bytes) {
  const std::string block(kBlock, '\0');
  for (std::size_t made = 0; made < count; ++made) {
    std::optional<File> file = Create();
    if (!file || !Fill(file->descriptor.get(), bytes, block)) {
      return absl::UnavailableError("no room for prepared bodies in " + path_.string());
    }
    const std::lock_guard lock(mutex_);
    ready_.push_back(*std::move(file));
  }
  return absl::OkStatus();
}

std::optional<SpoolFolder::File> SpoolFolder::Open() {
  {
    const std::lock_guard lock(mutex_);
    if (!ready_.empty()) {
      File file = std::move(ready_.back());
      ready_.pop_back();
      return file;
    }
  }
  return Create();
}

std::optional<SpoolFolder::File> SpoolFolder::Create() {
  std::string name = (path_ / "body-XXXXXX").string();
  Descriptor descriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (!descriptor.is_open()) return std::nullopt;
  return File{.path = std::move(name), .descriptor = std::move(descriptor)};
}

}  // namespace batuta::hubsim
