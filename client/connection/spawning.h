#pragma once

#include <vector>

#include <spawn.h>

// How this client starts batutad.
namespace batuta::client {

// The environment of the daemon: that of the caller, less what holds a token, and what a service manager says
// to the caller alone. Points into the environment.
std::vector<char*> CleanEnvironment();

// posix_spawn's settings: own session, default signals, no descriptor but the three standard ones, root as
// working folder.
class SpawnSettings {
 public:
  // What is printed goes to `output_fd`.
  explicit SpawnSettings(int output_fd);
  ~SpawnSettings();
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }

  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace batuta::client
