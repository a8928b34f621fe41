#include "client/serving/folder_server.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include <unistd.h>

#include "common/config/locations.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{2'000};
constexpr int kReaders = 2;            // one waits for the disk while the other sends
constexpr size_t kMostQuestions = 64;  // read and not answered; more wait with the daemon

// Questions between the thread that reads them and those that answer.
class Questions {
 public:
  void Put(v1::ServeFolderResponse question) {
    const MutexLock lock(mutex_);
    while (questions_.size() >= kMostQuestions && !is_over_) changed_.Wait(mutex_);
    questions_.push_back(std::move(question));
    changed_.NotifyAll();
  }

  // False: there will be none.
  bool Take(v1::ServeFolderResponse& question) {
    const MutexLock lock(mutex_);
    while (questions_.empty() && !is_over_) changed_.Wait(mutex_);
    if (questions_.empty()) return false;
    question = std::move(questions_.front());
    questions_.pop_front();
    changed_.NotifyAll();
    return true;
  }

  void End() {
    const MutexLock lock(mutex_);
    is_over_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::ServeFolderResponse> questions_ ABSL_GUARDED_BY(mutex_);
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
};

v1::ServeFolderRequest::Folder NameOf(const OpenedFolder& folder) {
  v1::ServeFolderRequest::Folder name;
  name.set_path(folder.path().native());
  if (folder.only_file()) name.set_only_file(*folder.only_file());
  return name;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FolderServer>> FolderServer::Start(const Connector& connector,
                                                                  const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(OpenedFolder folder, OpenedFolder::Open(path));
  std::unique_ptr<FolderServer> server(new FolderServer(connector, std::move(folder)));
  RETURN_IF_ERROR(server->Connect(/*may_spawn=*/true));
  server->thread_ = std::thread([raw = server.get()] { raw->Run(); });
  return server;
}

FolderServer::FolderServer(const Connector& connector, OpenedFolder folder)
    : connector_(connector), name_(NameOf(folder)), answers_(std::move(folder)) {}

FolderServer::~FolderServer() {
  {
    const MutexLock lock(mutex_);
    is_stopped_ = true;
    if (serving_ != nullptr) serving_->Stop();
    stopped_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

std::string FolderServer::folder_id() const {
  const MutexLock lock(mutex_);
  return folder_id_;
}

absl::Status FolderServer::Connect(bool may_spawn) {
  ASSIGN_OR_RETURN(connection_, connector_.Open({.may_spawn = may_spawn}));
  ASSIGN_OR_RETURN(stream_, connection_.client->ServeFolder(name_));
  const MutexLock lock(mutex_);
  folder_id_ = stream_->folder_id();
  serving_ = stream_.get();
  if (is_stopped_) stream_->Stop();
  return absl::OkStatus();
}

void FolderServer::Run() {
  milliseconds pause = kFirstPause;
  while (true) {
    if (stream_ != nullptr) {
      ServeOnce();
      pause = kFirstPause;
    }
    if (!Pause(pause)) return;
    pause = std::min(2 * pause, kLongestPause);
    // Whoever follows the job starts a daemon, and tells why there is none.
    Connect(/*may_spawn=*/false).IgnoreError();
  }
}

void FolderServer::ServeOnce() {
  Questions questions;
  const auto send = [this](const v1::ServeFolderRequest& answer, Block data) {
    return stream_->Answer(answer, std::move(data));
  };
  std::array<std::thread, kReaders> readers;
  for (std::thread& reader : readers) {
    reader = std::thread([&] {
      for (v1::ServeFolderResponse question; questions.Take(question);) answers_.Answer(question, send);
    });
  }
  for (v1::ServeFolderResponse question; stream_->Read(question);) questions.Put(std::move(question));
  questions.End();
  for (std::thread& reader : readers) reader.join();
  {
    const MutexLock lock(mutex_);
    serving_ = nullptr;
  }
  stream_->Finish().IgnoreError();
  stream_.reset();
  answers_.CloseAll();
}

bool MustServe(const Environment& environment, const v1::GetStatusResponse& daemon) {
  return daemon.mode() == "system" || daemon.uid() != ::geteuid() ||
         IsTrue(environment("BATUTA_PUSH_STREAM"));
}

bool FolderServer::Pause(milliseconds pause) {
  const auto until = std::chrono::steady_clock::now() + pause;
  const MutexLock lock(mutex_);
  while (!is_stopped_ && std::chrono::steady_clock::now() < until) stopped_.WaitUntil(mutex_, until);
  return !is_stopped_;
}

}  // namespace batuta::client
