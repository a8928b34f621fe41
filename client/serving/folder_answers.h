#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"

#include "batuta/v1/push_service.pb.h"

#include "client/connection/daemon_client.h"
#include "common/folder/opened_folder.h"
#include "common/sync/mutex.h"

namespace batuta::client {

inline constexpr size_t kMostOpenFiles = 256;  // of one folder that is served

// FolderAnswers knows what the daemon may ask of a folder, and answers it: names, stamps and bytes of what
// lies in it, and of nothing else, whatever is asked. Of a single file that is pushed, only that is told, and
// the lists of findings and rules beside it.
//
// Thread-safe; blocks on the disk.
class FolderAnswers {
 public:
  // False: nobody takes it any more.
  using Send = std::function<bool(const v1::ServeFolderRequest&, Block data)>;

  explicit FolderAnswers(OpenedFolder folder) : folder_(std::move(folder)) {}

  // Sends what answers the question: one message, of a large folder several, to a close none.
  void Answer(const v1::ServeFolderResponse& question, const Send& send) ABSL_LOCKS_EXCLUDED(mutex_);

  // The stream has ended: what is open is closed.
  void CloseAll() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using File = std::shared_ptr<const UniqueFd>;

  bool IsServed(const std::string& place) const;
  void List(const std::string& folder, v1::ServeFolderRequest& answer, const Send& send) const;
  void LookAt(const std::string& name, v1::ServeFolderRequest& answer) const;
  Block Open(const v1::ServeFolderResponse::Open& open, v1::ServeFolderRequest& answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  Block Read(const v1::ServeFolderResponse::Read& read, v1::ServeFolderRequest& answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Check(uint64_t handle, v1::ServeFolderRequest& answer) ABSL_LOCKS_EXCLUDED(mutex_);
  File FileOf(uint64_t handle) ABSL_LOCKS_EXCLUDED(mutex_);

  const OpenedFolder folder_;
  Mutex mutex_;
  uint64_t last_handle_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, File> files_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::client
