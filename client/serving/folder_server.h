#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"

#include "client/connection/connector.h"
#include "client/serving/folder_answers.h"
#include "common/sync/mutex.h"

namespace batuta::client {

// FolderServer serves one folder, or file, to the daemon for as long as it lives: over a connection of its
// own, on threads of its own, and again over another one when that is lost or the daemon began anew.
class FolderServer {
 public:
  // Serves `path`, which is absolute. `connector` outlives it. Blocks until the daemon knows of the folder.
  //   Errors: those of OpenedFolder::Open(), of Connector::Open() and of ServeFolder.
  static absl::StatusOr<std::unique_ptr<FolderServer>> Start(const Connector& connector,
                                                             const std::filesystem::path& path);

  ~FolderServer();
  FolderServer(const FolderServer&) = delete;
  FolderServer& operator=(const FolderServer&) = delete;

  // Under which the daemon knows the folder now.
  std::string folder_id() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  FolderServer(const Connector& connector, OpenedFolder folder);

  absl::Status Connect(bool may_spawn) ABSL_LOCKS_EXCLUDED(mutex_);
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void ServeOnce();
  bool Pause(std::chrono::milliseconds pause) ABSL_LOCKS_EXCLUDED(mutex_);

  const Connector& connector_;
  const v1::ServeFolderRequest::Folder name_;
  FolderAnswers answers_;
  Connection connection_;  // of the thread, once that runs
  std::unique_ptr<FolderStream> stream_;

  mutable Mutex mutex_;
  CondVar stopped_;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  FolderStream* serving_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::string folder_id_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// Must this client serve what the daemon is to read? Where that runs as somebody else, or for everybody; and
// where BATUTA_PUSH_STREAM says so.
bool MustServe(const Environment& environment, const v1::GetStatusResponse& daemon);

}  // namespace batuta::client
