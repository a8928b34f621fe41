#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/types/check.h"

namespace batuta::client {

// One file or folder, as far as this user may see it.
struct PathFacts {
  std::string path;
  bool exists = false;
  uint32_t owner = 0;
  uint32_t mode = 0;  // permission bits
};

// What this shell has, before anything is judged.
struct ShellFacts {
  std::string client_version;
  uint32_t uid = 0;

  // The daemon that answers; none: the reason why not.
  bool has_daemon = false;
  std::string daemon_version = {};
  std::string daemon_trouble = {};
  bool is_stranger = false;   // somebody else's process listens there, or the socket is not for this user
  bool may_spawn = true;      // a command would start one
  std::string program = {};   // batutad; empty: there is none
  std::string mismatch = {};  // endpoint or cache of the daemon against this shell's; empty: they agree
  std::string mismatch_hint = {};

  std::optional<PathFacts> socket_folder = {};
  bool is_system_socket = false;

  std::string token_trouble = {};
  std::string token_location = {};  // where the token comes from; empty: there is none
  PathFacts token_file = {};

  std::string proxies = {};                        // of this shell, as Describe() says
  std::optional<std::string> daemon_proxies = {};  // the same of the daemon
};

// What they mean, and what to do about it. Names of checks are stable (docs/operations.md). Pure.
std::vector<Check> JudgeShell(const ShellFacts& facts);

}  // namespace batuta::client
