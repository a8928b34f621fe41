#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

#include "absl/status/statusor.h"
#include <sys/types.h>

#include "common/config/locations.h"
#include "common/io/unique_fd.h"
#include "common/time/clock.h"

namespace batuta::app {

// Who may connect. Pure.
class PeerPolicy {
 public:
  // User mode: the daemon's own user and root. System mode: whoever the mode of the socket lets in.
  explicit PeerPolicy(uint32_t own_uid, Mode mode = Mode::kUser) : own_uid_(own_uid), mode_(mode) {}

  bool Admits(uint32_t uid) const { return mode_ == Mode::kSystem || IsMaster(uid); }

  // Who can always do something about a daemon that others keep busy.
  bool IsMaster(uint32_t uid) const { return uid == own_uid_ || uid == 0; }

 private:
  uint32_t own_uid_;
  Mode mode_;
};

// How many connections there may be.
struct ConnectionLimits {
  uint32_t connections = 4'096;                // of all users together; each takes two descriptors
  uint32_t reserve = 16;                       // of them, for the masters alone
  std::chrono::milliseconds greeting{10'000};  // from its accept until a connection has said what it speaks

  // Those of a process that may have so many descriptors: half of them is left for everything else.
  static ConnectionLimits For(uint64_t descriptors);
  static ConnectionLimits OfThisProcess();
};

// Whether a user who has `own` of the `open` connections may have one more: while he has fewer than are free.
// So one user alone gets half of them, of two who take what they get each a third, and whoever has none
// always finds one. Pure.
bool HasRoom(const ConnectionLimits& limits, uint32_t open, uint32_t own, bool is_master);

// What has come so far of a connection's first bytes. Pure.
enum class Greeting { kHttp2, kUnfinished, kNonsense };
Greeting GreetingOf(std::string_view first_bytes);

inline constexpr std::string_view kHttp2Greeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Listener accepts connections on a Unix socket, on a thread of its own. Each is checked by the uid that the
// kernel recorded for the peer (SO_PEERCRED) before one byte is read; strangers and connections above the
// limits are closed. So are those that do not begin as HTTP/2 does, or do not say anything for too long: they
// cost one descriptor until then, and nobody else sees them.
class Listener {
 public:
  // Takes an admitted connection, non-blocking, and its peer's uid. Called on the listener's thread.
  using Admit = std::function<void(UniqueFd connection, uint32_t uid)>;

  // Binds `socket` (mode 0600) in a folder that is made (0700) when missing; in system mode, where its group
  // may use it, with 0660 and 0755. A socket left by a daemon that died is replaced: the caller holds the
  // InstanceLock.
  //   kFailedPrecondition (DAEMON_BUSY)  a file that is no socket lies there, or someone may be listening.
  //   and those of SocketAddress::Parse() and ErrnoError().
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const std::filesystem::path& socket,
                                                        Mode mode = Mode::kUser,
                                                        const ConnectionLimits& limits = {});

  // Serves a listening, non-blocking Unix socket that somebody else has bound: its file, and who may use it,
  // are theirs.
  static absl::StatusOr<std::unique_ptr<Listener>> Adopt(UniqueFd socket,
                                                         const ConnectionLimits& limits = {});

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

  // One accepted connection, by a number that only grows.
  struct Peer {
    UniqueFd socket;  // once greeted, a second descriptor: to see when the peer hangs up
    uint32_t uid = 0;
    bool is_greeted = false;
  };

  struct Silence {
    uint64_t peer = 0;
    SteadyTime end;
  };

  Listener(std::filesystem::path path, std::optional<FileId> file, UniqueFd socket, UniqueFd wake,
           UniqueFd events, const ConnectionLimits& limits);

  // Of a socket that listens.
  static absl::StatusOr<std::unique_ptr<Listener>> Make(std::filesystem::path path,
                                                        std::optional<FileId> file, UniqueFd socket,
                                                        const ConnectionLimits& limits);

  void Run();
  void AcceptOne();
  void Hear(uint64_t number, uint32_t events);
  absl::Status Greet(uint64_t number);
  void Drop(uint64_t number);
  void DropSilent();
  int UntilNextSilence() const;
  void Refuse(std::string_view why, uint32_t uid);
  void Pause();
  void RemoveSocketFile();

  const std::filesystem::path path_;
  const std::optional<FileId> file_;  // that of an adopted socket is not ours
  const ConnectionLimits limits_;
  const SystemClock clock_;
  PeerPolicy policy_{0};
  Admit admit_;
  UniqueFd socket_;
  UniqueFd wake_;
  UniqueFd events_;  // epoll, of all of them
  uint64_t next_number_ = 0;
  std::map<uint64_t, Peer> peers_;
  std::map<uint32_t, uint32_t> of_user_;  // connections by uid; no zeros
  std::deque<Silence> silences_;          // of those that were not greeted when they came, in that order
  std::map<uint32_t, SteadyTime> told_;   // when a refusal was last logged, by uid
  std::atomic<uint32_t> open_connections_{0};
  std::thread thread_;
};

}  // namespace batuta::app
