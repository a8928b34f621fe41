#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/push/local_file.h"

namespace batuta::push {

// What a file with that stamp was found to hold.
struct ContentRecord {
  FileStamp stamp;
  ContentId id;
};

// ContentRecords keeps in Table::kContents what files were found to hold, each under its realm (see Folder),
// device and inode; a record counts only for the stamp that it was made for. Of more than `most_records` it
// forgets, a tenth at a time, those that were not asked for the longest; days are what it counts in.
//
// Thread-safe. Everything blocks on the catalog. Errors: those of MetadataStore.
class ContentRecords {
 public:
  // `store` and `clock` outlive it.
  ContentRecords(metadata::MetadataStore& store, const Clock& clock, uint64_t most_records)
      : store_(store), clock_(clock), most_records_(most_records) {}

  // In the order of the stamps; nothing where there is no record, or none that can be read.
  absl::StatusOr<std::vector<std::optional<ContentId>>> Find(const std::string& realm,
                                                             const std::vector<FileStamp>& stamps);

  // One write, which need not survive a power cut.
  absl::Status Keep(const std::string& realm, const std::vector<ContentRecord>& records);

 private:
  absl::Status CountIfUnknown();
  absl::Status ForgetOldest();

  metadata::MetadataStore& store_;
  const Clock& clock_;
  const uint64_t most_records_;
  Mutex mutex_;
  std::optional<uint64_t> count_ ABSL_GUARDED_BY(mutex_);  // at least so many as there are
};

}  // namespace batuta::push
