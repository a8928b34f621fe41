#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/cache/partial.h"
#include "daemon/transfer/content_hash.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/piece_checks.h"

namespace batuta::transfer {

// HashFront hashes a blob from its first byte to its last while its segments arrive in any order. Bytes that
// are written exactly at the front are hashed from memory; what was written ahead of it is read back later,
// piece by piece, usually from the page cache, and compared with what had arrived. Relies on no byte being
// written twice. Not thread-safe.
class HashFront {
 public:
  HashFront(BlobId::Kind kind, uint64_t size_bytes);

  // `bytes` have just been written at `offset`.
  void OnWritten(uint64_t offset, std::span<const std::byte> bytes);

  // Reads back from the front on what is written, i.e. all up to `run_end`, at most `limit_bytes`. A piece
  // that is not any more what had arrived by its sum in `checks` is returned; then the front stands at its
  // first byte again, and the caller has it written anew. Errors as Partial::ReadAt();
  //   kUnavailable (STORAGE_FAILED)  the file is shorter than what was written to it.
  absl::StatusOr<std::optional<Extent>> CatchUp(cache::Partial& partial, uint64_t run_end,
                                                const PieceChecks& checks, uint64_t limit_bytes);

  // Bytes before it are hashed.
  uint64_t front() const { return front_; }

  // As ContentHash::Finish().
  absl::StatusOr<std::string> Finish() { return hash_.Finish(); }

 private:
  // A piece that is being compared.
  struct Check {
    Extent piece;
    uint64_t expected = 0;
    RunningSum actual;
    ContentHash hash_before;
  };

  void BeginCheck(uint64_t run_end, const PieceChecks& checks);

  // The piece, when it is through and is not what it was.
  std::optional<Extent> EndCheck();

  ContentHash hash_;
  uint64_t front_ = 0;
  std::optional<Check> check_;
  std::vector<std::byte> scratch_;  // made when first needed
};

}  // namespace batuta::transfer
