#include "client/archive/tar_reader.h"

#include <algorithm>
#include <cerrno>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "client/archive/utf8_names.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr size_t kBlockBytes = 256 << 10;  // read at once
constexpr uint64_t kRecordBytes = 512;     // of the format

absl::Status Damaged(std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, {}, what,
                   "the archive is damaged, or was not made by batuta hf cache export");
}

}  // namespace

absl::StatusOr<std::unique_ptr<TarReader>> TarReader::Create(int fd) {
  archive* const tar = archive_read_new();
  if (tar == nullptr) return absl::ResourceExhaustedError("out of memory");
  std::unique_ptr<TarReader> reader(new TarReader(tar));
  const Utf8Names utf8;
  if (archive_read_support_filter_none(tar) != ARCHIVE_OK ||
      archive_read_support_format_tar(tar) != ARCHIVE_OK ||
      archive_read_open_fd(tar, fd, kBlockBytes) != ARCHIVE_OK) {
    return reader->Broken();
  }
  return reader;
}

TarReader::~TarReader() {
  archive_read_free(tar_);
}

absl::StatusOr<std::optional<TarReader::Entry>> TarReader::Next() {
  const Utf8Names utf8;
  archive_entry* found = nullptr;
  const int result = archive_read_next_header(tar_, &found);
  if (result == ARCHIVE_EOF) {
    // The end is written down; where it is not, something may be missing.
    const bool has_end = static_cast<uint64_t>(archive_filter_bytes(tar_, 0)) > end_of_entry_;
    if (!has_end) return Damaged("the archive is cut off");
    return std::nullopt;
  }
  if (result != ARCHIVE_OK) return Broken();
  Entry entry;
  const char* const path = archive_entry_pathname(found);
  if (path == nullptr) return Damaged("a name in the archive is not UTF-8");
  entry.path = path;
  const bool is_plain = archive_entry_hardlink(found) == nullptr && archive_entry_sparse_count(found) == 0;
  const auto type = is_plain ? archive_entry_filetype(found) : 0;
  if (type == AE_IFDIR) {
    entry.kind = Entry::Kind::kFolder;
  } else if (type == AE_IFREG) {
    entry.size_bytes = static_cast<uint64_t>(std::max<int64_t>(archive_entry_size(found), 0));
  } else if (const char* const target = archive_entry_symlink(found); type == AE_IFLNK && target != nullptr) {
    entry.kind = Entry::Kind::kSymlink;
    entry.target = target;
  } else {
    return Damaged(fmt::format("{} in the archive is neither file, folder nor symlink", Quoted(entry.path)));
  }
  end_of_entry_ = static_cast<uint64_t>(archive_filter_bytes(tar_, 0)) +
                  (entry.size_bytes + kRecordBytes - 1) / kRecordBytes * kRecordBytes;
  return entry;
}

absl::StatusOr<size_t> TarReader::Read(std::span<std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const la_ssize_t count = archive_read_data(tar_, bytes.data() + done, bytes.size() - done);
    if (count < 0) return Broken();
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

absl::Status TarReader::Broken() const {
  const char* const text = archive_error_string(tar_);
  const int error = archive_errno(tar_);
  if (error == EIO || error == EISDIR || error == EBADF) {
    return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed,
                     fmt::format("the archive cannot be read: {}", Printable(text == nullptr ? "" : text)));
  }
  return Damaged(fmt::format("this is no whole tar archive: {}",
                             Printable(text == nullptr ? "it cannot be understood" : text)));
}

}  // namespace batuta::client
