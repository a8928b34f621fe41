#include <algorithm>

#include <fmt/format.h>
#include <sys/random.h>

#include "common/io/file_system.h"
#include "common/status/status.h"

namespace batuta {
namespace {

// Two writers of the same file must not share a temp file, whatever process they live in.
std::string UniqueSuffix() {
  uint64_t number = 0;
  while (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
  }
  return fmt::format("{:016x}", number);
}

absl::Status WriteNew(FileSystem& files, const std::filesystem::path& path, std::string_view content) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.Open(path, OpenMode::kCreateNew));
  RETURN_IF_ERROR(file->WriteAt(0, std::as_bytes(std::span(content.data(), content.size()))));
  return file->Sync();
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(FileSystem& files, const std::filesystem::path& path,
                                          uint64_t limit_bytes) {
  const auto too_large = [&] {
    return MakeError(
        absl::StatusCode::kResourceExhausted, reason::kStorageFailed,
        fmt::format("{} is larger than the {} bytes expected at most", path.native(), limit_bytes),
        "check what that file is; remove it if it is not yours");
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.Open(path, OpenMode::kRead));
  ASSIGN_OR_RETURN(const FileInfo info, file->Info());
  if (info.size_bytes > limit_bytes) return too_large();
  // The size is a hint only, for the file may grow meanwhile: what counts is a read that meets the end. Files
  // of /proc say 0; what one read takes of them was true at one moment.
  std::string content(std::max<uint64_t>(info.size_bytes + 1, 4096), '\0');
  size_t length = 0;
  for (;;) {
    const std::span<char> rest = std::span(content).subspan(length);
    ASSIGN_OR_RETURN(const size_t count, file->ReadAt(length, std::as_writable_bytes(rest)));
    length += count;
    if (length > limit_bytes) return too_large();
    if (count < rest.size()) break;
    content.resize(content.size() * 2);
  }
  content.resize(length);
  return content;
}

absl::Status ReplaceFile(FileSystem& files, const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temp =
      path.parent_path() / fmt::format(".{}.{}.tmp", path.filename().native(), UniqueSuffix());
  absl::Status status = WriteNew(files, temp, content);
  if (status.ok()) status = files.Rename(temp, path);
  if (!status.ok()) {
    // The first error is what the caller must hear; a temp file that cannot be removed either is no news.
    files.Remove(temp).IgnoreError();
    return status;
  }
  return files.SyncFolder(path.parent_path());
}

}  // namespace batuta
