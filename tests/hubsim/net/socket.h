// Sockets by hand: the faults of the simulated hub live at byte level, below any HTTP library.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace batuta::hubsim {

// Owns a descriptor.
class Descriptor {
 public:
  Descriptor() = default;

  explicit Descriptor(int fd) : fd_(fd) {}

  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const { return fd_; }

  bool is_open() const { return fd_ >= 0; }

  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// StopSignal ends every wait of the server at once. Thread safety: all methods from any thread.
class StopSignal {
 public:
  StopSignal();

  void Raise();

  bool is_raised() const { return raised_.load(); }

  int fd() const { return event_.get(); }  // readable once raised

 private:
  std::atomic<bool> raised_ = false;
  Descriptor event_;
};

enum class WaitEnd { kReady, kTimedOut, kStopped };

// Connection is one accepted socket. All its calls block, and all end when the stop signal is raised.
// Thread safety: one thread uses it.
class Connection {
 public:
  Connection(Descriptor socket, const StopSignal& stop) : socket_(std::move(socket)), stop_(stop) {}

  // Reads what there is, at most out.size() bytes; 0 at the end, on an error, when idle too long, or when
  // stopped.
  std::size_t Read(std::span<char> out);

  // False when the peer is gone or the server stops.
  bool Write(std::string_view bytes);

  // Sends nothing for `duration` (zero: no end). False when the peer went away or the server stops meanwhile.
  bool Pause(std::chrono::milliseconds duration);

  // From now on the kernel takes in about so many bytes that nobody has read.
  void LimitWindow(int bytes);

  // The next close sends a reset instead of a proper end.
  void ResetOnClose();

  // Says "no more bytes" and waits a moment for the peer's end, so that what was sent is not lost to a reset.
  void CloseGently();

 private:
  WaitEnd WaitFor(short events, std::chrono::milliseconds limit);

  Descriptor socket_;
  const StopSignal& stop_;
};

// A listening socket on 127.0.0.1.
struct ListeningSocket {
  Descriptor socket;
  std::uint16_t port = 0;
};

// `port` 0 takes a free one.
//   kUnavailable  the port is taken.
absl::StatusOr<ListeningSocket> ListenOnLoopback(std::uint16_t port);

struct AcceptedSocket {
  Descriptor socket;
  std::string peer;  // address without port
};

// Waits for a connection; an empty descriptor once the stop signal is raised.
AcceptedSocket Accept(const ListeningSocket& listening, const StopSignal& stop);

}  // namespace batuta::hubsim
