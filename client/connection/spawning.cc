#include "client/connection/spawning.h"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace batuta::client {
namespace {

constexpr std::string_view kPrivateVariables[] = {
    "HF_TOKEN=", "HUGGING_FACE_HUB_TOKEN=", "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_"};

}  // namespace

std::vector<char*> CleanEnvironment() {
  std::vector<char*> out;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const bool is_private = std::any_of(std::begin(kPrivateVariables), std::end(kPrivateVariables),
                                        [&](std::string_view name) { return entry.starts_with(name); });
    if (!is_private) out.push_back(*at);
  }
  out.push_back(nullptr);
  return out;
}

SpawnSettings::SpawnSettings(int output_fd) {
  posix_spawn_file_actions_init(&actions_);
  posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions_, output_fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions_, output_fd, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  posix_spawn_file_actions_addchdir_np(&actions_, "/");
  posix_spawnattr_init(&attributes_);
  sigset_t signals;
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes_, &signals);
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes_, &signals);
  posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

SpawnSettings::~SpawnSettings() {
  posix_spawn_file_actions_destroy(&actions_);
  posix_spawnattr_destroy(&attributes_);
}

}  // namespace batuta::client
