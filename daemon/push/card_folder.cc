#include "daemon/push/card_folder.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/status/status.h"

namespace batuta::push {

namespace {

class CardBytes final : public gguf::ByteSource {
 public:
  explicit CardBytes(std::unique_ptr<FileBytes> file) : file_(std::move(file)) {}

  uint64_t size_bytes() const override { return file_->size_bytes(); }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    const size_t length = static_cast<size_t>(std::min<uint64_t>(out.size(), size_bytes() - offset));
    RETURN_IF_ERROR(file_->Read(offset, std::span(reinterpret_cast<char*>(out.data()), length)));
    return length;
  }

 private:
  const std::unique_ptr<FileBytes> file_;
};

}  // namespace

CardFolder::CardFolder(std::shared_ptr<const Folder> folder, const FolderListing& listing)
    : folder_(std::move(folder)) {
  files_.reserve(listing.files.size());
  for (const LocalFile& file : listing.files) files_.push_back({file.path.text(), file.stamp.size_bytes});
}

absl::StatusOr<std::unique_ptr<gguf::ByteSource>> CardFolder::Open(std::string_view path) {
  constexpr std::string_view kGit = ".git/";
  const bool is_git = path.starts_with(kGit);
  ASSIGN_OR_RETURN(const RepoPath wanted, RepoPath::Parse(is_git ? path.substr(kGit.size()) : path));
  ASSIGN_OR_RETURN(std::unique_ptr<FileBytes> file,
                   is_git ? folder_->FindGitFile(wanted) : folder_->FindFile(wanted));
  if (file == nullptr) return absl::NotFoundError(wanted.text());
  return std::make_unique<CardBytes>(std::move(file));
}

}  // namespace batuta::push
