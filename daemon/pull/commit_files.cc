#include "daemon/pull/commit_files.h"

#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/pull/blob_sharing.h"

namespace batuta::pull {
namespace {

class OpenFile final : public safety::ByteSource {
 public:
  OpenFile(std::unique_ptr<File> file, uint64_t size_bytes)
      : file_(std::move(file)), bytes_(*file_, size_bytes) {}

  uint64_t size_bytes() const override { return bytes_.size_bytes(); }

  absl::Status Read(uint64_t offset, std::span<char> out) override { return bytes_.Read(offset, out); }

 private:
  const std::unique_ptr<File> file_;
  safety::FileSource bytes_;
};

}  // namespace

CommitFiles::CommitFiles(cache::Cache& cache, RepoId repo, std::shared_ptr<const PullPlan> plan)
    : cache_(cache), repo_(std::move(repo)), plan_(std::move(plan)) {}

const PlannedFile* CommitFiles::Find(std::string_view path) {
  if (by_path_.empty()) {
    by_path_.reserve(plan_->files.size());
    for (const PlannedFile& file : plan_->files) by_path_.emplace(file.entry.path.text(), &file);
  }
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

std::optional<uint64_t> CommitFiles::SizeBytes(std::string_view path) {
  if (const PlannedFile* file = Find(path)) return file->entry.size_bytes;
  if (plan_->has_listing) return std::nullopt;
  return std::numeric_limits<uint64_t>::max();
}

absl::StatusOr<std::unique_ptr<safety::ByteSource>> CommitFiles::Open(std::string_view path) {
  const PlannedFile* const file = Find(path);
  const auto missing = [path] { return absl::NotFoundError(fmt::format("{} is not here", path)); };
  if (file == nullptr) return missing();
  const Entry& entry = file->entry;
  for (const cache::FilePlace& place :
       {cache::FilePlace{.repo = repo_, .blob = entry.blob.hex()},
        cache::FilePlace{.repo = repo_, .blob = "", .commit = plan_->commit, .path = entry.path.text()}}) {
    absl::StatusOr<std::unique_ptr<File>> opened = cache_.OpenPlace(place);
    if (absl::IsNotFound(opened.status())) continue;
    RETURN_IF_ERROR(opened.status());
    ASSIGN_OR_RETURN(const FileInfo info, (*opened)->Info());
    if (info.size_bytes == entry.size_bytes) {
      return std::make_unique<OpenFile>(*std::move(opened), info.size_bytes);
    }
  }
  if (file->action != PlannedFile::Action::kSkip) has_missed_ = true;
  return missing();
}

absl::Status AdmitCached(cache::Cache& cache, cache::VerifiedFiles* verified, guard::PullGuard& guard,
                         const Entry& entry, const cache::FilePlace& place) {
  const std::optional<absl::Status> known = guard.AdmitKnown(entry);
  if (known.has_value() && !known->ok()) return *known;
  const auto file = cache.OpenPlace(place);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(const FileInfo info, (*file)->Info());
  if (info.size_bytes != entry.size_bytes) return absl::OkStatus();  // not the entry's: it will not be linked
  safety::FileSource bytes(**file, info.size_bytes);
  // A verdict is of the right bytes: it clears no others that stand under their name.
  if (!IsKnownToBeRight(verified, info, entry.blob)) return guard.AdmitFound(entry, bytes);
  return known.has_value() ? *known : guard.AdmitWhole(entry, bytes);
}

}  // namespace batuta::pull
