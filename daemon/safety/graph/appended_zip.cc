#include "daemon/safety/graph/appended_zip.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/status/status.h"
#include "daemon/safety/graph/random_reader.h"

namespace batuta::safety {
namespace {

constexpr uint64_t kEndBytes = 22;
constexpr size_t kRecordBytes = 46;

// Labels and descriptions: a handful of members.
constexpr uint64_t kMostDirectoryBytes = 1 << 20;

// The number of `Number` bytes at `at`, inside of `bytes`.
template <typename Number>
Number NumberAt(std::string_view bytes, size_t at) {
  Number number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

void MoveBack(std::string& bytes, size_t at, uint32_t distance) {
  const uint32_t moved = NumberAt<uint32_t>(bytes, at) - distance;
  std::memcpy(bytes.data() + at, &moved, sizeof moved);
}

// A file from `begin` on, of which the last bytes are others.
class MovedZip final : public ByteSource {
 public:
  MovedZip(ByteSource& file, uint64_t begin, std::string end)
      : file_(file), begin_(begin), end_(std::move(end)) {}

  uint64_t size_bytes() const override { return file_.size_bytes() - begin_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    const uint64_t own = size_bytes() - end_.size();
    if (offset < own) {
      const std::span<char> before =
          out.first(static_cast<size_t>(std::min<uint64_t>(out.size(), own - offset)));
      RETURN_IF_ERROR(file_.Read(begin_ + offset, before));
      out = out.subspan(before.size());
      offset += before.size();
    }
    if (!out.empty()) end_.copy(out.data(), out.size(), static_cast<size_t>(offset - own));
    return absl::OkStatus();
  }

 private:
  ByteSource& file_;
  uint64_t begin_;
  std::string end_;
};

// Moves what `end`, a directory and its end record, says of places. False when it is none.
bool Move(std::string& end, uint32_t distance) {
  const size_t directory_bytes = end.size() - kEndBytes;
  size_t at = 0;
  while (at < directory_bytes) {
    if (directory_bytes - at < kRecordBytes || end.compare(at, 4, "PK\1\2") != 0) return false;
    if (NumberAt<uint32_t>(end, at + 42) < distance) return false;
    MoveBack(end, at + 42, distance);
    // With a name, further fields and a comment.
    at += kRecordBytes + NumberAt<uint16_t>(end, at + 28) + NumberAt<uint16_t>(end, at + 30) +
          NumberAt<uint16_t>(end, at + 32);
  }
  if (at != directory_bytes) return false;
  MoveBack(end, directory_bytes + 16, distance);
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> FindAppendedZip(ByteSource& file, uint64_t begin) {
  RandomReader reader(file);
  const uint64_t size_bytes = file.size_bytes();
  const auto nothing = [&]() -> absl::StatusOr<std::unique_ptr<ByteSource>> {
    RETURN_IF_ERROR(reader.status());
    return nullptr;
  };
  std::string first;
  std::string end;
  if (size_bytes < kEndBytes || begin > size_bytes - kEndBytes) return nothing();
  if (!reader.Read(begin, 4, first) || first != "PK\3\4") return nothing();
  if (!reader.Read(size_bytes - kEndBytes, kEndBytes, end) || !end.starts_with("PK\5\6")) return nothing();
  const uint64_t directory_bytes = NumberAt<uint32_t>(end, 12);
  const uint64_t directory = NumberAt<uint32_t>(end, 16);
  // Where it counts from its own beginning, or begins so far behind that it is no matter of labels, it is as
  // it is.
  if (directory + directory_bytes != size_bytes - kEndBytes || directory < begin || begin > UINT32_MAX ||
      directory_bytes > kMostDirectoryBytes) {
    return std::make_unique<PartSource>(file, begin, size_bytes - begin);
  }
  if (!reader.Read(directory, directory_bytes + kEndBytes, end)) return nothing();
  if (!Move(end, static_cast<uint32_t>(begin))) return nothing();
  return std::make_unique<MovedZip>(file, begin, std::move(end));
}

}  // namespace batuta::safety
