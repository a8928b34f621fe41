#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/segment_receiver.h"

namespace batuta::transfer {

// BlobWriter is the disk side of one transfer: it takes what arrives, hashes it, and publishes the blob when,
// and only when, every byte is there and the hash is right. PartialWriter keeps on disk what has arrived,
// SmallBlobWriter in memory.
//
// Methods may be called on any thread and return at once; the work runs in order on the disk pool.
class BlobWriter : public SegmentSink {
 public:
  enum class Ending {
    kJournal,     // keep what is there for the next run
    kCheckpoint,  // the same, and it survives a power cut
    kDiscard,     // remove it
  };

  // All run on a thread of the disk pool.
  struct Events {
    // Open() is through: the extents that an earlier run left, or why there is nothing to write to
    // (see Cache::OpenPartial).
    std::function<void(absl::StatusOr<std::vector<Extent>> believed)> opened;

    // The disk has damaged these bytes: they are not written any more and have to be fetched again.
    std::function<void(Extent damaged, int start_overs)> damaged;

    // Every byte is there and right, and `finished` follows without further help.
    std::function<void()> staged;

    // OK: published. DIGEST_MISMATCH: every byte is there and they are not the blob; StartOver() or Close()
    // follows. Else the disk failed and only Close() makes sense. `start_overs`: how many StartOver() it had
    // seen by then.
    std::function<void(const absl::Status& status, int start_overs)> finished;

    // Nobody who waits would have these bytes (GuardPanel): nothing is published, and Close() follows.
    std::function<void(const absl::Status& refusal, int start_overs)> refused;

    // Close() is through: the blob is free for another writer.
    std::function<void()> closed;
  };

  virtual void Open() = 0;
  virtual void StartOver() = 0;
  virtual void Close(Ending ending) = 0;

  // Bytes that would not be fetched again.
  virtual uint64_t done_bytes() const = 0;
};

// DIGEST_MISMATCH for an entry whose bytes hash to `actual`.
absl::Status DigestMismatch(const RepoId& repo, const Entry& entry, const std::string& actual);

}  // namespace batuta::transfer
