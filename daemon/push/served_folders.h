#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"

#include "common/sync/mutex.h"
#include "common/sync/worker_pool.h"
#include "daemon/push/folder.h"
#include "daemon/push/folder_talk.h"
#include "daemon/push/push_request.h"

namespace batuta::push {

struct ServedFoldersOptions {
  size_t most_folders = 32;                    // of one user at the same time
  size_t most_users = 256;                     // that ever serve one; each has threads of its own
  int threads = 4;                             // of each user
  std::chrono::milliseconds patience{60'000};  // see FolderTalk
};

// A folder that can be read, and where.
struct FolderPlace {
  WorkerPool* pool = nullptr;  // what blocks on the folder runs there

  // Blocking.
  std::function<absl::StatusOr<std::shared_ptr<const Folder>>()> open;
};

// ServedFolders knows every folder that a client serves. Whatever waits for a client runs on threads of that
// client's user, so that one who does not answer holds up nobody else.
//
// Thread-safe.
class ServedFolders {
 public:
  explicit ServedFolders(ServedFoldersOptions options = {}) : options_(options) {}

  ~ServedFolders();

  struct Served {
    std::string id;  // unguessable
    std::shared_ptr<FolderTalk> talk;
  };

  // A client of that user serves `path`, until End(). For `send` and `on_end` see FolderTalk.
  //   kResourceExhausted (DAEMON_BUSY)
  //   kUnavailable (DAEMON_STOPPING)
  //   kInternal (INTERNAL)  there are no random numbers
  absl::StatusOr<Served> Begin(uint32_t uid, std::filesystem::path path, std::optional<std::string> only_file,
                               FolderTalk::Send send, FolderTalk::OnEnd on_end);

  // The talk ends, if it has not.
  void End(const std::string& id);

  // By its id; by its path where the stream of that id is gone and another client of that user has come.
  //   IsClientGone()  nobody serves it.
  absl::StatusOr<FolderPlace> Find(const ServedBy& served, const std::filesystem::path& path) const;

  // Ends every talk, and joins the threads. Later calls of Begin() are refused.
  void Stop();

 private:
  struct Entry {
    uint32_t uid = 0;
    std::filesystem::path path;  // as PushRequest names it
    std::shared_ptr<FolderTalk> talk;
    std::shared_ptr<const Folder> folder;
  };

  using Entries = std::map<std::string, Entry>;  // by id

  absl::Status AdmitOnLocked(uint32_t uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ServedFoldersOptions options_;
  mutable Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  std::map<uint32_t, std::unique_ptr<WorkerPool>> pools_ ABSL_GUARDED_BY(mutex_);
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// Where the folder of a push is: with a client, or here, where `pool` reads it.
//   IsClientGone()
absl::StatusOr<FolderPlace> PlaceOf(const std::optional<ServedBy>& served, const std::filesystem::path& path,
                                    const ServedFolders& folders, WorkerPool& pool);

}  // namespace batuta::push
