#include "daemon/verify/blob_check.h"

#include <algorithm>
#include <utility>

#include "common/status/status.h"

namespace batuta::verify {

BlobCheck::BlobCheck(std::unique_ptr<File> file, const FileInfo& info, const BlobId& blob,
                     uint64_t size_bytes, cache::PieceSums known)
    : file_(std::move(file)),
      info_(info),
      blob_(blob),
      size_bytes_(size_bytes),
      known_(std::move(known)),
      hash_(blob.kind(), size_bytes),
      checks_(size_bytes, {}) {
  // Of another length it is wrong, whatever it holds; it is read only to learn what can be kept.
  const bool is_of_use = info_.size_bytes == size_bytes_ || !known_.by_piece.empty();
  is_done_ = !is_of_use || size_bytes_ == 0 || info_.size_bytes == 0;
}

absl::StatusOr<size_t> BlobCheck::ReadMore(std::span<std::byte> memory) {
  ASSIGN_OR_RETURN(const size_t length, file_->ReadAt(cursor_, memory));
  const auto useful = static_cast<size_t>(std::min<uint64_t>(length, size_bytes_ - cursor_));
  const std::span<const std::byte> bytes = memory.first(useful);
  hash_.Update(bytes);
  checks_.OnArrived(cursor_, bytes);
  cursor_ += useful;
  is_done_ = length < memory.size() || cursor_ == size_bytes_;
  return length;
}

absl::StatusOr<BlobCheck::Verdict> BlobCheck::Finish() {
  Verdict verdict;
  verdict.sums = checks_.sums();
  if (info_.size_bytes == size_bytes_) {
    ASSIGN_OR_RETURN(verdict.hash, hash_.Finish());
    verdict.is_right = verdict.hash == blob_.hex();
  }
  if (!verdict.is_right) verdict.good = GoodPieces(verdict.sums);
  return verdict;
}

std::vector<cache::Extent> BlobCheck::GoodPieces(const cache::PieceSums& sums) const {
  std::vector<cache::Extent> good;
  if (known_.piece_bytes != sums.piece_bytes) return good;
  uint64_t good_bytes = 0;
  for (const auto& [number, sum] : sums.by_piece) {
    const auto known = known_.by_piece.find(number);
    if (known == known_.by_piece.end() || known->second != sum) continue;
    const uint64_t begin = number * sums.piece_bytes;
    const uint64_t end = std::min(begin + sums.piece_bytes, size_bytes_);
    if (!good.empty() && good.back().end == begin) {
      good.back().end = end;
    } else {
      good.push_back({begin, end});
    }
    good_bytes += end - begin;
  }
  // Every piece right and the whole wrong: then it is what was known that cannot be believed.
  if (good_bytes == size_bytes_) good.clear();
  return good;
}

}  // namespace batuta::verify
