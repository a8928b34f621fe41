#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/types/blob_id.h"
#include "common/types/repo_id.h"
#include "daemon/cache/partial.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::cache {

// What the catalog knows of one partial file.
struct PartialRecord {
  uint64_t size_bytes = 0;      // of the whole blob
  std::string boot_id;          // the boot in which `written` was recorded
  std::vector<Extent> written;  // handed to the kernel: good for as long as that boot lasts
  std::vector<Extent> synced;   // on the disk: good for ever
  PieceSums sums;

  friend bool operator==(const PartialRecord&, const PartialRecord&) = default;
};

std::string Encode(const PartialRecord& record);

// Nothing when `text` is no record, or one whose extents are not sorted, disjoint and within the size.
std::optional<PartialRecord> DecodePartialRecord(std::string_view text);

// Checksums as JSON, and back: none when `text` holds none, or odd ones.
std::string Encode(const PieceSums& sums);
PieceSums DecodePieceSums(std::string_view text);

// Sorted, not empty, disjoint, not touching each other, within `size_bytes`?
bool IsWellFormed(const std::vector<Extent>& extents, uint64_t size_bytes);

// What of `extents` lies below `size_bytes`.
std::vector<Extent> ClippedTo(const std::vector<Extent>& extents, uint64_t size_bytes);

// What two well-formed lists have in common.
std::vector<Extent> CommonOf(const std::vector<Extent>& some, const std::vector<Extent>& others);

// What of a record can be believed in the boot `boot_id`, when the file is `file_bytes` long.
std::vector<Extent> BelievedOf(const PartialRecord& record, std::string_view boot_id, uint64_t file_bytes);

// PartialJournal keeps the records in Table::kPartials, under `<repo folder>/<blob>`. Thread-safe.
//
// A record is there before its file is and goes after it, so that a file without a record is known to be of
// no use. Whatever takes back a promise about synced bytes is itself made durable at once: a power cut must
// not bring the promise back for a younger file of the same name.
class PartialJournal {
 public:
  explicit PartialJournal(metadata::MetadataStore& store) : store_(store) {}

  absl::StatusOr<std::optional<PartialRecord>> Load(const RepoId& repo, const BlobId& blob);

  // `old`: the record that is replaced, if any.
  absl::Status Save(const RepoId& repo, const BlobId& blob, const PartialRecord& record,
                    const std::optional<PartialRecord>& old);
  absl::Status Drop(const RepoId& repo, const BlobId& blob, const std::optional<PartialRecord>& old);

  // Drops the records for which `is_of_no_use` says so, and what is no record.
  absl::Status DropWhere(const std::function<bool(const RepoId& repo, const BlobId& blob)>& is_of_no_use);

 private:
  metadata::MetadataStore& store_;
};

}  // namespace batuta::cache
