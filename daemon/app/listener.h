#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include <poll.h>
#include <sys/types.h>

#include "common/config/locations.h"
#include "common/io/unique_fd.h"

namespace batuta::app {

// Who may connect. Pure.
class PeerPolicy {
 public:
  // User mode: the daemon's own user and root. System mode: whoever the mode of the socket lets in.
  explicit PeerPolicy(uint32_t own_uid, Mode mode = Mode::kUser) : own_uid_(own_uid), mode_(mode) {}

  bool Admits(uint32_t uid) const { return mode_ == Mode::kSystem || uid == own_uid_ || uid == 0; }

 private:
  uint32_t own_uid_;
  Mode mode_;
};

// Listener accepts connections on a Unix socket, on a thread of its own. Each is checked by the uid that the
// kernel recorded for the peer (SO_PEERCRED) before one byte is read; strangers and connections above the
// limit are closed.
class Listener {
 public:
  static constexpr uint32_t kMaxConnections = 1'024;

  // Takes an admitted connection, non-blocking, and its peer's uid. Called on the listener's thread.
  using Admit = std::function<void(UniqueFd connection, uint32_t uid)>;

  // Binds `socket` (mode 0600) in a folder that is made (0700) when missing; in system mode, where its group
  // may use it, with 0660 and 0755. A socket left by a daemon that died is replaced: the caller holds the
  // InstanceLock.
  //   kFailedPrecondition (DAEMON_BUSY)  a file that is no socket lies there, or someone may be listening.
  //   and those of SocketAddress::Parse() and ErrnoError().
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const std::filesystem::path& socket,
                                                        Mode mode = Mode::kUser,
                                                        uint32_t max_connections = kMaxConnections);

  // Serves a listening, non-blocking Unix socket that somebody else has bound: its file, and who may use it,
  // are theirs.
  static absl::StatusOr<std::unique_ptr<Listener>> Adopt(UniqueFd socket,
                                                         uint32_t max_connections = kMaxConnections);

  ~Listener();

  void Start(PeerPolicy policy, Admit admit);

  // No connection is accepted afterwards; the socket file is gone, unless another has taken its place or it
  // was adopted: then who connects waits for the next daemon.
  // Idempotent.
  void Stop();

  uint32_t open_connections() const { return open_connections_.load(std::memory_order_relaxed); }

 private:
  // Which file it is, so that only the own one is removed.
  struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
  };

  Listener(std::filesystem::path path, std::optional<FileId> file, UniqueFd socket, UniqueFd wake,
           uint32_t max_connections);

  void Run(const PeerPolicy& policy, const Admit& admit);
  void AcceptOne(const PeerPolicy& policy, const Admit& admit);
  void DropClosed(const std::vector<pollfd>& polled);
  void Pause();
  void RemoveSocketFile();

  const std::filesystem::path path_;
  const std::optional<FileId> file_;  // that of an adopted socket is not ours
  const uint32_t max_connections_;
  UniqueFd socket_;
  UniqueFd wake_;
  std::vector<UniqueFd> open_;  // a second descriptor of each connection, to see when its peer hangs up
  std::atomic<uint32_t> open_connections_{0};
  std::thread thread_;
};

}  // namespace batuta::app
