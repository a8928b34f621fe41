#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/types/blob_id.h"
#include "daemon/cache/partial.h"
#include "daemon/transfer/content_hash.h"
#include "daemon/transfer/piece_checks.h"

namespace batuta::verify {

// BlobCheck reads a file once, from its beginning to its end, and says whether it is the blob that it should
// be, and if not, which pieces of it are right all the same. Not thread-safe; blocks on the disk.
class BlobCheck {
 public:
  struct Verdict {
    bool is_right = false;
    std::string hash;                      // of the bytes; empty when they were not read
    std::vector<cache::Extent> good = {};  // when it is not right: pieces that are, put together
    cache::PieceSums sums = {};            // as read
  };

  // `size_bytes`: how long the blob should be. `known`: the checksums of its pieces, when it was right.
  BlobCheck(std::unique_ptr<File> file, const FileInfo& info, const BlobId& blob, uint64_t size_bytes,
            cache::PieceSums known);

  // There is nothing more to read.
  bool is_done() const { return is_done_; }

  // Reads on into `memory`, which is aligned to and a multiple of kDirectAlignment. How much it was.
  absl::StatusOr<size_t> ReadMore(std::span<std::byte> memory);

  // Once, when it is done.   kInternal (INTERNAL)  as transfer::ContentHash.
  absl::StatusOr<Verdict> Finish();

  const FileInfo& info() const { return info_; }

 private:
  std::vector<cache::Extent> GoodPieces(const cache::PieceSums& sums) const;

  const std::unique_ptr<File> file_;
  const FileInfo info_;  // before anything was read
  const BlobId blob_;
  const uint64_t size_bytes_;
  const cache::PieceSums known_;
  transfer::ContentHash hash_;
  transfer::PieceChecks checks_;
  uint64_t cursor_ = 0;
  bool is_done_ = false;
};

}  // namespace batuta::verify
