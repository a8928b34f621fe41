#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "common/types/blob_id.h"

namespace batuta::cache {

// A half-open range of bytes.
struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;

  friend bool operator==(const Extent&, const Extent&) = default;
};

// Checksums of whole pieces of one blob, as their bytes arrived: by them whoever reads the pieces back finds
// what the disk has damaged. The cache only keeps them.
struct PieceSums {
  uint64_t piece_bytes = 0;               // pieces begin at its multiples, the last one may be shorter
  std::map<uint64_t, uint64_t> by_piece;  // number of the piece → its checksum

  friend bool operator==(const PieceSums&, const PieceSums&) = default;
};

// Partial is a blob on its way: a file beside the finished blobs, under a name that no other tool takes for
// its own, and a journal of which bytes of it can be believed. It has one user at a time; methods block on
// disk I/O.
//
// What survives: after kill -9 every extent of the last Journal(); after a power cut every extent of the last
// Checkpoint(). (The journal records the boot it was written in, so that bytes which only reached the page
// cache are believed exactly as long as that page cache lived.)
//
// Destroying it keeps file and journal for the next OpenPartial().
class Partial {
 public:
  virtual ~Partial() = default;

  virtual const BlobId& blob() const = 0;
  virtual uint64_t size_bytes() const = 0;

  // The extents believed at opening: sorted, disjoint, not touching each other, within the size.
  virtual const std::vector<Extent>& believed() const = 0;

  // Those that came with the journal that believed() is from; also of pieces that are not believed.
  virtual const PieceSums& sums() const = 0;

  // Disjoint ranges may be written side by side.   kInvalidArgument  not within the size.
  virtual absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> bytes) = 0;

  // `written`: all extents written so far, in the form of believed(). One that was there before and is no
  // longer in it is given up for good. Cheap.
  virtual absl::Status Journal(const std::vector<Extent>& written, const PieceSums& sums) = 0;

  // The same, after the file's bytes have been synced. Expensive. When the sync fails, the bytes since the
  // last successful one may be lost even though they can still be read: open the partial again and go on from
  // what it believes then. So after a failed Publish().
  virtual absl::Status Checkpoint(const std::vector<Extent>& written, const PieceSums& sums) = 0;

  // Forgets everything that was written: empty file, empty journal.
  virtual absl::Status StartOver() = 0;

  // The caller has verified every byte: sync, rename to the blob's name, sync the folder, drop the journal.
  // When another tool has put the same blob there meanwhile, that is as good. The object is of no use
  // afterwards.
  //   kDataLoss (DIGEST_MISMATCH)   the file has not the blob's size.
  //   kUnavailable (STORAGE_FAILED) also when another program removed the file meanwhile.
  // `sums`: of all pieces that have one, kept for the day when the disk has damaged the blob.
  virtual absl::Status Publish(const PieceSums& sums) = 0;

  // Removes file and journal. The object is of no use afterwards.
  virtual absl::Status Discard() = 0;
};

}  // namespace batuta::cache
