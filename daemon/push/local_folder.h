#pragma once

#include <filesystem>
#include <memory>

#include "common/folder/opened_folder.h"
#include "daemon/push/folder.h"

namespace batuta::push {

// LocalFolder is a folder that the daemon reads itself. It holds on to the folder, wherever that is moved.
class LocalFolder final : public Folder {
 public:
  // Errors: those of OpenedFolder::Open().
  static absl::StatusOr<std::shared_ptr<const LocalFolder>> Open(const std::filesystem::path& path);

  explicit LocalFolder(OpenedFolder folder);

  absl::StatusOr<FolderNames> List(const std::string& folder) const override;
  absl::StatusOr<FolderNames> LookAt(const std::string& name) const override;
  absl::StatusOr<Found> Open(const std::string& place, const RepoPath& path) const override;

 private:
  const OpenedFolder folder_;
};

}  // namespace batuta::push
