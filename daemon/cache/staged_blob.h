#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "common/io/file_system.h"

namespace batuta::cache {

// StagedBlob is a blob that is whole and on the disk, under a name that nobody looks at. Cache::Publish()
// gives it its own; else it is removed with the object. The file system outlives it.
class StagedBlob {
 public:
  StagedBlob(FileSystem& files, std::filesystem::path temp, std::filesystem::path place)
      : files_(&files), temp_(std::move(temp)), place_(std::move(place)) {}

  StagedBlob(StagedBlob&& other) noexcept
      : files_(std::exchange(other.files_, nullptr)),
        temp_(std::move(other.temp_)),
        place_(std::move(other.place_)) {}

  StagedBlob& operator=(StagedBlob&& other) noexcept {
    std::swap(files_, other.files_);
    std::swap(temp_, other.temp_);
    std::swap(place_, other.place_);
    return *this;
  }

  StagedBlob(const StagedBlob&) = delete;
  StagedBlob& operator=(const StagedBlob&) = delete;

  ~StagedBlob() {
    if (files_ != nullptr) files_->Remove(temp_).IgnoreError();
  }

  absl::StatusOr<std::unique_ptr<File>> OpenForReading() const {
    return files_->Open(temp_, OpenMode::kRead);
  }

  // To go on writing it, before it is published.
  absl::StatusOr<std::unique_ptr<File>> OpenForWriting() const {
    return files_->Open(temp_, OpenMode::kReadWrite);
  }

  // The file is somebody else's now.
  void Release() { files_ = nullptr; }

  const std::filesystem::path& temp() const { return temp_; }

  const std::filesystem::path& place() const { return place_; }

 private:
  FileSystem* files_;  // null: there is nothing to remove
  std::filesystem::path temp_;
  std::filesystem::path place_;
};

}  // namespace batuta::cache
