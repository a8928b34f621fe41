#include "daemon/push/upload_source.h"

#include <memory>
#include <string>
#include <utility>

#include "common/status/status.h"

namespace batuta::push {
namespace {

// A card, or what comes with it.
class MadeBytes final : public SentBytes {
 public:
  explicit MadeBytes(std::shared_ptr<const std::string> made) : made_(std::move(made)) {}

  uint64_t size_bytes() const override { return made_->size(); }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    made_->copy(out.data(), out.size(), static_cast<size_t>(offset));
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const std::string> made_;
};

}  // namespace

std::function<absl::StatusOr<UploadSource>()> OpenerOf(const PlannedPushFile& file,
                                                       const FolderPlace& place) {
  if (file.made != nullptr) {
    return [made = file.made]() -> absl::StatusOr<UploadSource> {
      return UploadSource{.bytes = std::make_shared<MadeBytes>(made)};
    };
  }
  return [open = place.open, path = file.path, stamp = file.stamp]() -> absl::StatusOr<UploadSource> {
    ASSIGN_OR_RETURN(const std::shared_ptr<const Folder> folder, open());
    ASSIGN_OR_RETURN(const RepoPath name, RepoPath::Parse(path));
    ASSIGN_OR_RETURN(std::shared_ptr<FileBytes> bytes, folder->OpenFile({name, stamp}));
    return UploadSource{.bytes = bytes, .check_unchanged = [bytes] { return bytes->CheckUnchanged(); }};
  };
}

}  // namespace batuta::push
