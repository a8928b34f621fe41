#include "client/archive/tar_writer.h"

#include <cerrno>
#include <chrono>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <unistd.h>

#include "client/archive/utf8_names.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {

absl::StatusOr<std::unique_ptr<TarWriter>> TarWriter::Create(int fd, WallTime time) {
  archive* const tar = archive_write_new();
  archive_entry* const entry = archive_entry_new();
  if (tar == nullptr || entry == nullptr) return absl::ResourceExhaustedError("out of memory");
  std::unique_ptr<TarWriter> writer(new TarWriter(tar, entry, fd, time));
  const Utf8Names utf8;
  RETURN_IF_ERROR(writer->Checked(archive_write_set_format_pax_restricted(tar)));
  RETURN_IF_ERROR(writer->Checked(archive_write_add_filter_none(tar)));
  RETURN_IF_ERROR(writer->Checked(archive_write_open(tar, writer.get(), nullptr, OnBytes, nullptr)));
  return writer;
}

TarWriter::~TarWriter() {
  is_abandoned_ = true;
  archive_write_free(tar_);
  archive_entry_free(entry_);
}

ssize_t TarWriter::OnBytes(archive* /*tar*/, void* self, const void* bytes, size_t size) {
  auto* const writer = static_cast<TarWriter*>(self);
  writer->written_bytes_ += size;
  const auto* next = static_cast<const char*>(bytes);
  size_t left = size;
  while (left > 0 && writer->error_number_ == 0 && !writer->is_abandoned_) {
    const ssize_t count = ::write(writer->fd_, next, left);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      writer->error_number_ = count < 0 ? errno : EIO;
      break;
    }
    next += count;
    left -= static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(size);
}

void TarWriter::Begin(const std::string& path, unsigned type, unsigned mode) {
  archive_entry_clear(entry_);
  archive_entry_set_pathname(entry_, path.c_str());
  archive_entry_set_filetype(entry_, type);
  archive_entry_set_perm(entry_, mode);
  archive_entry_set_size(entry_, 0);
  archive_entry_set_mtime(
      entry_, std::chrono::duration_cast<std::chrono::seconds>(time_.time_since_epoch()).count(), 0);
}

absl::Status TarWriter::Folder(const std::string& path) {
  const Utf8Names utf8;
  Begin(path + "/", AE_IFDIR, 0755);
  return Checked(archive_write_header(tar_, entry_));
}

absl::Status TarWriter::Symlink(const std::string& path, const std::string& target) {
  const Utf8Names utf8;
  Begin(path, AE_IFLNK, 0777);
  archive_entry_set_symlink(entry_, target.c_str());
  return Checked(archive_write_header(tar_, entry_));
}

absl::Status TarWriter::File(const std::string& path, std::string_view content) {
  RETURN_IF_ERROR(BeginFile(path, content.size()));
  return Append(std::as_bytes(std::span(content)));
}

absl::Status TarWriter::BeginFile(const std::string& path, uint64_t size_bytes) {
  const Utf8Names utf8;
  Begin(path, AE_IFREG, 0644);
  archive_entry_set_size(entry_, static_cast<int64_t>(size_bytes));
  return Checked(archive_write_header(tar_, entry_));
}

absl::Status TarWriter::Append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const la_ssize_t count = archive_write_data(tar_, bytes.data(), bytes.size());
    if (count <= 0) return Checked(ARCHIVE_FATAL);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return Checked(ARCHIVE_OK);
}

absl::Status TarWriter::Finish() {
  return Checked(archive_write_close(tar_));
}

absl::Status TarWriter::Checked(int result) const {
  if (error_number_ != 0) return ErrnoError(error_number_, "write the archive");
  if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return absl::OkStatus();
  const char* const text = archive_error_string(tar_);
  const std::string message = fmt::format("the archive cannot be written: {}",
                                          Printable(text == nullptr ? "the archive ended too early" : text));
  return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed, message);
}

}  // namespace batuta::client
