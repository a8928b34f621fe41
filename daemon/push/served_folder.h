#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "daemon/push/folder.h"
#include "daemon/push/folder_talk.h"

namespace batuta::push {

// The realm of what clients of that user serve.
std::string RealmOf(uint32_t uid);

// ServedFolder is a folder that a client reads for the daemon, which may not: every question goes to the
// client, and what it answers is its word. A file that is read from front to back is asked for ahead,
// kBlocksAhead blocks at most.
class ServedFolder final : public Folder {
 public:
  static constexpr size_t kBlocksAhead = 4;  // of kMostReadBytes

  ServedFolder(std::shared_ptr<FolderTalk> talk, std::filesystem::path path,
               std::optional<std::string> only_file, uint32_t uid);

  absl::StatusOr<FolderNames> List(const std::string& folder) const override;
  absl::StatusOr<FolderNames> LookAt(const std::string& name) const override;
  absl::StatusOr<Found> Open(const std::string& place, const RepoPath& path) const override;

 private:
  const std::shared_ptr<FolderTalk> talk_;
};

}  // namespace batuta::push
