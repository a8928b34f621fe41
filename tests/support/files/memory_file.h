#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"

#include "common/io/file_system.h"

namespace batuta {

// A file that is only its bytes, for parsers of foreign formats. Reading only.
class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::string content) : content_(std::move(content)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> bytes) override {
    if (offset >= content_.size()) return 0;
    const size_t count = std::min<size_t>(bytes.size(), content_.size() - offset);
    std::memcpy(bytes.data(), content_.data() + offset, count);
    return count;
  }

  absl::StatusOr<FileInfo> Info() const override {
    FileInfo info;
    info.kind = FileInfo::Kind::kFile;
    info.size_bytes = content_.size();
    return info;
  }

  absl::Status WriteAt(uint64_t, std::span<const std::byte>) override { return ReadOnly(); }

  absl::Status Sync() override { return ReadOnly(); }

  absl::Status Truncate(uint64_t) override { return ReadOnly(); }

  absl::StatusOr<bool> TryLock() override { return ReadOnly(); }

  bool IsOpenElsewhere() override { return false; }

 private:
  static absl::Status ReadOnly() { return absl::PermissionDeniedError("a file in memory"); }

  const std::string content_;
};

}  // namespace batuta
