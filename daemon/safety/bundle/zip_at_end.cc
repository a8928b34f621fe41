#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/safety/bundle/bundle.h"
#include "daemon/safety/bundle/rules.h"
#include "daemon/safety/container/rules.h"
#include "daemon/safety/container/zip.h"

namespace batuta::safety {
namespace {

// Where a reader that begins at the end finds the directory.
struct Directory {
  uint64_t end = 0;
  uint64_t size_bytes = 0;
  uint64_t told_offset = 0;  // as its end record counts

  uint64_t begin() const { return end - size_bytes; }
};

absl::StatusOr<std::string> ReadAt(ByteSource& bytes, uint64_t offset, uint64_t count) {
  std::string out(static_cast<size_t>(count), '\0');
  RETURN_IF_ERROR(bytes.Read(offset, out));
  return out;
}

absl::StatusOr<bool> IsDirectory(ByteSource& bytes, uint64_t offset) {
  if (offset > bytes.size_bytes() || bytes.size_bytes() - offset < zip::kEntryBytes) return false;
  ASSIGN_OR_RETURN(const std::string mark, ReadAt(bytes, offset, zip::kEntryMark.size()));
  return mark == zip::kEntryMark;
}

// The end record of zip64 directly before the other one, which then counts instead.
absl::Status ReadEnd64(ByteSource& bytes, Directory& directory) {
  constexpr uint64_t kBoth = zip::kEnd64Bytes + zip::kLocatorBytes;
  if (directory.end < kBoth) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string records, ReadAt(bytes, directory.end - kBoth, kBoth));
  const std::string_view locator = std::string_view(records).substr(zip::kEnd64Bytes);
  if (!records.starts_with(zip::kEnd64Mark) || !locator.starts_with(zip::kLocatorMark))
    return absl::OkStatus();
  directory = {directory.end - kBoth, zip::Long(records, 40), zip::Long(records, 48)};
  return absl::OkStatus();
}

// Nothing where there is none that any reader would find.
absl::StatusOr<std::optional<Directory>> FindDirectory(ByteSource& bytes) {
  const uint64_t size_bytes = bytes.size_bytes();
  const uint64_t tail_offset = size_bytes - std::min(size_bytes, ZipArchive::kTailBytes);
  ASSIGN_OR_RETURN(const std::string tail, ReadAt(bytes, tail_offset, size_bytes - tail_offset));
  const size_t mark = tail.rfind(zip::kEndMark);
  if (mark == tail.npos || tail.size() - mark < zip::kEndBytes) return std::nullopt;
  const std::string_view record = std::string_view(tail).substr(mark, zip::kEndBytes);
  Directory directory{tail_offset + mark, zip::Word(record, 12), zip::Word(record, 16)};
  RETURN_IF_ERROR(ReadEnd64(bytes, directory));
  if (directory.size_bytes > directory.end) return std::nullopt;
  ASSIGN_OR_RETURN(const bool is_there, IsDirectory(bytes, directory.begin()));
  return is_there ? std::optional(directory) : std::nullopt;
}

}  // namespace

absl::Status InspectZipAtEnd(Subject& subject) {
  ByteSource& bytes = subject.bytes();
  ASSIGN_OR_RETURN(const std::optional<Directory> found, FindDirectory(bytes));
  if (!found.has_value()) return absl::OkStatus();
  // Offsets count from the beginning of the file or from that of the zip.
  const uint64_t begin = found->begin() - std::min(found->begin(), found->told_offset);
  ASSIGN_OR_RETURN(const std::string first, ReadAt(bytes, 0, zip::kLocalMark.size()));
  if (begin == 0 && first == zip::kLocalMark)
    return absl::OkStatus();  // it is a zip, and was inspected as one
  subject.Add(rules::kZipAppended, found->begin(),
              "a zip is appended, which those find who read it from its end");
  if (begin > 0) {
    ASSIGN_OR_RETURN(const bool is_ambiguous, IsDirectory(bytes, found->told_offset));
    if (is_ambiguous) {
      subject.Add(rules::kZipUnreadable, found->told_offset,
                  "cannot tell what is inside: readers look for the directory in different places");
    }
  }
  PartSource zip(bytes, begin, bytes.size_bytes() - begin);
  return subject.InspectAs("appended zip", zip, InspectZip);
}

}  // namespace batuta::safety
