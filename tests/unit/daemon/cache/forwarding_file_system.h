#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/io/file_system.h"

namespace batuta::cache {

// Hands every call on; the base of file systems that do one thing differently.
class ForwardingFileSystem : public FileSystem {
 public:
  using Path = std::filesystem::path;

  explicit ForwardingFileSystem(FileSystem& files) : files_(files) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const Path& path, OpenMode mode) override {
    return files_.Open(path, mode);
  }

  absl::Status Rename(const Path& from, const Path& to) override { return files_.Rename(from, to); }

  absl::Status Symlink(const std::string& target, const Path& path) override {
    return files_.Symlink(target, path);
  }

  absl::Status Link(const Path& existing, const Path& path) override { return files_.Link(existing, path); }

  absl::Status Clone(const Path& existing, const Path& path) override { return files_.Clone(existing, path); }

  absl::Status Remove(const Path& path) override { return files_.Remove(path); }

  absl::Status MakeFolders(const Path& path) override { return files_.MakeFolders(path); }

  absl::Status SyncFolder(const Path& path) override { return files_.SyncFolder(path); }

  absl::Status SyncFiles(const std::vector<Path>& paths) override { return files_.SyncFiles(paths); }

  absl::StatusOr<std::string> ReadSymlink(const Path& path) override { return files_.ReadSymlink(path); }

  absl::StatusOr<FileInfo> Info(const Path& path) override { return files_.Info(path); }

  absl::StatusOr<std::vector<std::string>> List(const Path& folder) override { return files_.List(folder); }

  absl::StatusOr<SpaceInfo> Space(const Path& path) override { return files_.Space(path); }

 protected:
  FileSystem& files_;
};

}  // namespace batuta::cache
