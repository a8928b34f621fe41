#include "daemon/app/retractions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include <sys/socket.h>

#include "common/log/log.h"

namespace batuta::app {

namespace {

// Who has stopped is forgiven after a second, however many there were.
constexpr double kHighest = 2 * RetractionLevel::kMost;
constexpr std::chrono::minutes kTellEvery{1};

// Of "fd:12": so gRPC names a connection that it was given as a descriptor.
std::optional<int> DescriptorOf(std::string_view peer) {
  constexpr std::string_view kPrefix = "fd:";
  if (!peer.starts_with(kPrefix)) return std::nullopt;
  peer.remove_prefix(kPrefix.size());
  int descriptor = -1;
  const auto read = std::from_chars(peer.data(), peer.data() + peer.size(), descriptor);
  return read.ec == std::errc() ? std::optional(descriptor) : std::nullopt;
}

// The descriptor is gRPC's, who sees that the connection has ended. It is not closed before the last of its
// calls is over, so as long as one is under way it means no other file.
void Cut(int connection) {
  shutdown(connection, SHUT_RDWR);
  // What has come and was not read would become calls too.
  std::array<char, 16 << 10> rest{};
  while (recv(connection, rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace

double RetractionLevel::At(SteadyTime now) const {
  const std::chrono::duration<double> passed = now - at_;
  return std::max(level_ - kMost * passed.count(), 0.0);
}

void RetractionLevel::Add(SteadyTime now) {
  level_ = std::min(At(now) + 1, kHighest);
  at_ = now;
}

bool RetractionLevel::IsTooHigh(SteadyTime now) const {
  return At(now) > kMost;
}

void Retractions::Note(std::string_view peer) {
  const SteadyTime now = clock_.steady();
  bool is_to_tell = false;
  {
    const MutexLock lock(mutex_);
    level_.Add(now);
    if (!level_.IsTooHigh(now)) return;
    is_to_tell = IsToTell(now);
  }
  if (is_to_tell) LogWarn("connection closed", Field("why", "takes back too many calls"), Field("uid", uid_));
  if (const std::optional<int> connection = DescriptorOf(peer)) Cut(*connection);
}

bool Retractions::AreTooMany() const {
  const MutexLock lock(mutex_);
  return level_.IsTooHigh(clock_.steady());
}

bool Retractions::IsToTell(SteadyTime now) {
  if (now < tell_again_) return false;
  tell_again_ = now + kTellEvery;
  return true;
}

}  // namespace batuta::app
