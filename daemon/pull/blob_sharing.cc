#include "daemon/pull/blob_sharing.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/transfer/content_hash.h"

namespace batuta::pull {
namespace {

// Has the file the bytes that its blob's name says?
absl::StatusOr<bool> IsRight(File& file, const Entry& entry, absl::FunctionRef<bool()> is_wanted) {
  constexpr size_t kPieceBytes = 1 << 20;
  transfer::ContentHash hash(entry.blob.kind(), entry.size_bytes);
  std::vector<std::byte> piece(kPieceBytes);
  for (uint64_t offset = 0; offset < entry.size_bytes; offset += piece.size()) {
    if (!is_wanted()) return absl::CancelledError("nobody waits for it any more");
    ASSIGN_OR_RETURN(const size_t count, file.ReadAt(offset, piece));
    hash.Update(std::span(piece).first(count));
  }
  ASSIGN_OR_RETURN(const std::string actual, hash.Finish());
  return actual == entry.blob.hex();
}

// The blob, whole and right, not yet under its name.
absl::StatusOr<std::optional<cache::StagedBlob>> StageRight(cache::Cache& cache,
                                                            cache::VerifiedFiles* verified,
                                                            const RepoId& repo, const HeldBlob& blob,
                                                            absl::FunctionRef<bool()> is_wanted) {
  const Entry& entry = blob.entry;
  ASSIGN_OR_RETURN(auto staged, cache.StageFrom(blob.holder, repo, entry.blob, entry.size_bytes));
  if (!staged.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, staged->OpenForReading());
  ASSIGN_OR_RETURN(const FileInfo info, file->Info());
  if (IsKnownToBeRight(verified, info, entry.blob)) return staged;
  ASSIGN_OR_RETURN(const bool is_right, IsRight(*file, entry, is_wanted));
  if (is_right) return staged;
  LogWarn("a blob of another repo has not the bytes that its name says; it is not used",
          Field("repo", blob.holder.folder()), Field("blob", entry.blob.hex()));
  return std::nullopt;
}

// What an earlier pull has brought of it is of no use any more.
void DiscardPartial(cache::Cache& cache, const RepoId& repo, const Entry& entry) {
  const auto bytes = cache.PartialBytes(repo, entry.blob);
  if (!bytes.ok() || *bytes == 0) return;
  const auto partial = cache.OpenPartial(repo, entry.blob, entry.size_bytes);
  if (partial.ok()) (*partial)->Discard().IgnoreError();
}

}  // namespace

bool IsKnownToBeRight(cache::VerifiedFiles* verified, const FileInfo& file, const BlobId& blob) {
  if (verified == nullptr) return false;
  const auto when = verified->WhenFound(file, blob);
  return when.ok() && when->has_value();
}

std::vector<bool> ShareBlobs(cache::Cache& cache, cache::VerifiedFiles* verified, const RepoId& repo,
                             const std::vector<HeldBlob>& blobs, absl::FunctionRef<bool()> is_wanted) {
  std::vector<bool> is_shared(blobs.size(), false);
  std::vector<size_t> positions;
  std::vector<cache::StagedBlob> group;
  for (size_t i = 0; i < blobs.size() && is_wanted(); ++i) {
    auto staged = StageRight(cache, verified, repo, blobs[i], is_wanted);
    is_shared[i] = absl::IsAlreadyExists(staged.status());
    if (!staged.ok() || !staged->has_value()) continue;
    DiscardPartial(cache, repo, blobs[i].entry);
    positions.push_back(i);
    group.push_back(**std::move(staged));
  }
  if (group.empty()) return is_shared;
  const std::vector<absl::Status> published = cache.Publish(std::move(group));
  for (size_t i = 0; i < published.size(); ++i) is_shared[positions[i]] = published[i].ok();
  return is_shared;
}

}  // namespace batuta::pull
