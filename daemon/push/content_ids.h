#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/sync/mutex.h"
#include "common/sync/task_runner.h"
#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/push/content_records.h"
#include "daemon/push/diff.h"
#include "daemon/push/folder.h"
#include "daemon/push/local_file.h"

namespace batuta::push {

// ContentIds finds the names of local files' bytes: in Table::kContents, where they are kept under the file's
// realm (see Folder), device and inode with its stamp, or by reading the file, once for both names. Whoever
// changes a file in the very moment in which it is read leaves a stamp that looks the same: what was changed
// less than two seconds before it was read is therefore read again next time. At most Options::most_records
// are kept; those that were not asked for the longest go first.
//
// Thread-safe. Callbacks run on the TaskRunner given at construction, exactly once; a progress report never
// after the answer.
class ContentIds {
 public:
  struct Options {
    size_t readers = 2;               // files read side by side for one request
    uint64_t most_records = 500'000;  // about 120 bytes each
  };

  struct Wanted {
    LocalFile file;
    NeededId need = NeededId::kBoth;
  };

  struct Progress {
    uint64_t done_bytes = 0;   // of total_bytes
    uint64_t total_bytes = 0;  // of the files that must be read
    size_t files_done = 0;
    size_t files_total = 0;  // that must be read
  };

  struct Found {
    std::vector<std::optional<ContentId>> ids;  // in the order of the files; nothing where nothing was needed
    uint64_t bytes_read = 0;
    size_t files_read = 0;
  };

  using RequestId = uint64_t;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Found>)>;

  // Everything borrowed outlives it; nobody may be asking any more when it goes. Blocking work runs on
  // `pool`.
  ContentIds(metadata::MetadataStore& store, const Clock& clock, WorkerPool& pool, TaskRunner& callbacks,
             Options options);

  ContentIds(metadata::MetadataStore& store, const Clock& clock, WorkerPool& pool, TaskRunner& callbacks)
      : ContentIds(store, clock, pool, callbacks, Options()) {}

  ~ContentIds();

  // `on_progress` may be empty; it is called now and then, never more than ten times a second.
  //   kAborted (FILE_CHANGED)        a file is not as it was listed, or changes while it is read.
  //   kUnavailable (STORAGE_FAILED)  one cannot be read.
  //   kCancelled (CANCELLED)         by Cancel().
  // A catalog that fails is no error: then everything is read.
  //
  // The files are read on `readers`, which outlives the request; null: on the pool.
  RequestId Find(std::shared_ptr<const Folder> folder, std::vector<Wanted> files,
                 std::function<void(const Progress&)> on_progress, Done done, WorkerPool* readers = nullptr);

  // The request ends soon, with kCancelled unless it was done already.
  void Cancel(RequestId request);

  // Names of files of the empty realm that are known without reading; nothing for the others. Blocks on the
  // catalog: not on the core sequence.
  std::vector<std::optional<ContentId>> Remembered(const std::vector<Wanted>& files);

 private:
  class Request;

  const Options options_;
  const Clock& clock_;
  WorkerPool& pool_;
  TaskRunner& callbacks_;
  const std::shared_ptr<ContentRecords> records_;  // with the tasks on the pool
  Mutex mutex_;
  RequestId next_request_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<RequestId, std::weak_ptr<Request>> requests_ ABSL_GUARDED_BY(mutex_);  // some may be done
};

}  // namespace batuta::push
