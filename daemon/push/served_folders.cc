#include "daemon/push/served_folders.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/random.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/push/local_folder.h"
#include "daemon/push/served_folder.h"

namespace batuta::push {
namespace {

absl::StatusOr<std::string> NewId() {
  std::array<uint64_t, 2> bits = {};
  if (::getrandom(bits.data(), sizeof bits, 0) != static_cast<ssize_t>(sizeof bits))
    return MakeError(absl::StatusCode::kInternal, reason::kInternal, "the kernel gives no random numbers");
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

// A single file is named by its own path.
std::filesystem::path NameOf(const std::filesystem::path& folder,
                             const std::optional<std::string>& only_file) {
  return only_file ? folder / *only_file : folder;
}

}  // namespace

ServedFolders::~ServedFolders() {
  Stop();
}

absl::Status ServedFolders::AdmitOnLocked(uint32_t uid) {
  if (is_stopped_)
    return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonStopping, "the daemon is shutting down");
  const auto own = std::ranges::count(entries_, uid, [](const auto& entry) { return entry.second.uid; });
  if (static_cast<size_t>(own) >= options_.most_folders) {
    return MakeError(absl::StatusCode::kResourceExhausted, reason::kDaemonBusy,
                     fmt::format("you serve {} folders already", own), "wait until a push has ended");
  }
  if (!pools_.contains(uid) && pools_.size() >= options_.most_users) {
    return MakeError(absl::StatusCode::kResourceExhausted, reason::kDaemonBusy,
                     fmt::format("{} users have served folders since the daemon began", pools_.size()),
                     "restart it");
  }
  return absl::OkStatus();
}

absl::StatusOr<ServedFolders::Served> ServedFolders::Begin(uint32_t uid, std::filesystem::path path,
                                                           std::optional<std::string> only_file,
                                                           FolderTalk::Send send, FolderTalk::OnEnd on_end) {
  ASSIGN_OR_RETURN(std::string id, NewId());
  auto talk = std::make_shared<FolderTalk>(std::move(send), std::move(on_end), options_.patience);
  std::filesystem::path name = NameOf(path, only_file);
  auto folder = std::make_shared<const ServedFolder>(talk, std::move(path), std::move(only_file), uid);
  const MutexLock lock(mutex_);
  RETURN_IF_ERROR(AdmitOnLocked(uid));
  std::unique_ptr<WorkerPool>& pool = pools_[uid];
  if (pool == nullptr) pool = WorkerPool::Start(fmt::format("for{}", uid), options_.threads);
  entries_.emplace(id, Entry{uid, std::move(name), talk, std::move(folder)});
  return Served{.id = std::move(id), .talk = std::move(talk)};
}

void ServedFolders::End(const std::string& id) {
  Entry ended;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    ended = std::move(found->second);
    entries_.erase(found);
  }
  ended.talk->End(ClientGoneError("the client that serves the folder is gone"));
}

absl::StatusOr<FolderPlace> ServedFolders::Find(const ServedBy& served,
                                                const std::filesystem::path& path) const {
  const MutexLock lock(mutex_);
  auto found = entries_.find(served.id);
  const auto is_it = [&](const auto& entry) {
    return entry.second.uid == served.uid && entry.second.path == path;
  };
  if (found == entries_.end() || !is_it(*found)) found = std::ranges::find_if(entries_, is_it);
  if (found == entries_.end())
    return ClientGoneError(fmt::format("no client serves {} any more", Quoted(path.native())));
  return FolderPlace{.pool = pools_.at(served.uid).get(), .open = [folder = found->second.folder] {
                       return absl::StatusOr<std::shared_ptr<const Folder>>(folder);
                     }};
}

void ServedFolders::Stop() {
  std::vector<std::string> ids;
  std::vector<WorkerPool*> pools;  // they stay: whoever posts to one that is stopped is not heard
  {
    const MutexLock lock(mutex_);
    is_stopped_ = true;
    for (const auto& [id, entry] : entries_) ids.push_back(id);
  }
  for (const std::string& id : ids) End(id);
  {
    const MutexLock lock(mutex_);
    for (const auto& [uid, pool] : pools_) pools.push_back(pool.get());
  }
  for (WorkerPool* pool : pools) pool->Stop();
}

absl::StatusOr<FolderPlace> PlaceOf(const std::optional<ServedBy>& served, const std::filesystem::path& path,
                                    const ServedFolders& folders, WorkerPool& pool) {
  if (served) return folders.Find(*served, path);
  return FolderPlace{.pool = &pool, .open = [path]() -> absl::StatusOr<std::shared_ptr<const Folder>> {
                       ASSIGN_OR_RETURN(std::shared_ptr<const Folder> folder, LocalFolder::Open(path));
                       return folder;
                     }};
}

}  // namespace batuta::push
