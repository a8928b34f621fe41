#include "daemon/push/inline_content.h"

#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/push/folder.h"
#include "daemon/transfer/content_hash.h"

namespace batuta::push {

namespace {

absl::StatusOr<std::string> ReadPlanned(const Folder& folder, const PlannedPushFile& file) {
  ASSIGN_OR_RETURN(const RepoPath path, RepoPath::Parse(file.path));
  ASSIGN_OR_RETURN(const std::unique_ptr<FileBytes> bytes, folder.OpenFile({path, file.stamp}));
  std::string content(static_cast<size_t>(file.size_bytes), '\0');
  RETURN_IF_ERROR(bytes->Read(0, std::span(content)));
  RETURN_IF_ERROR(bytes->CheckUnchanged());
  transfer::ContentHash hash(BlobId::Kind::kSha256, content.size());
  hash.Update(std::as_bytes(std::span(content)));
  ASSIGN_OR_RETURN(const std::string name, hash.Finish());
  if (file.sha256 && name == file.sha256->hex()) return content;
  return MakeError(absl::StatusCode::kAborted, reason::kFileChanged,
                   fmt::format("{} changed while it was pushed", file.path),
                   "push again when nobody writes to it");
}

}  // namespace

absl::StatusOr<InlineContents> ReadInlineContents(const FolderPlace& place,
                                                  const std::vector<PlannedPushFile>& files) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Folder> local, place.open());
  InlineContents contents;
  for (const PlannedPushFile& file : files) {
    if (file.made != nullptr) {
      contents.emplace(file.path, *file.made);
      continue;
    }
    ASSIGN_OR_RETURN(std::string content, ReadPlanned(*local, file));
    contents.emplace(file.path, std::move(content));
  }
  return contents;
}

std::string GitSha1Of(std::string_view bytes) {
  transfer::ContentHash hash(BlobId::Kind::kGitSha1, bytes.size());
  hash.Update(std::as_bytes(std::span(bytes)));
  return hash.Finish().value_or(std::string());
}

}  // namespace batuta::push
