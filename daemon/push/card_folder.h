#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "daemon/card/folder_view.h"
#include "daemon/push/folder.h"

namespace batuta::push {

// What a card may read of the folder that is pushed: what is pushed, and what says of which commit it is.
class CardFolder final : public card::FolderView {
 public:
  CardFolder(std::shared_ptr<const Folder> folder, const FolderListing& listing);

  const std::vector<card::FolderFile>& Files() const override { return files_; }

  absl::StatusOr<std::unique_ptr<gguf::ByteSource>> Open(std::string_view path) override;

 private:
  const std::shared_ptr<const Folder> folder_;
  std::vector<card::FolderFile> files_;
};

}  // namespace batuta::push
