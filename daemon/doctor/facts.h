#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/config/proxies.h"

// What the probes found. Nothing here is judged yet.
namespace batuta::doctor {

enum class Answer { kUnknown, kYes, kNo };

// One folder that the daemon writes to, and what its file system does.
struct FolderFacts {
  std::string path;
  bool exists = false;
  std::string trouble = {};  // why it could not be looked at or written to; empty when it could
  uint32_t owner = 0;
  uint32_t mode = 0;             // permission bits
  std::string file_system = {};  // "ext4", "nfs", "overlay", or the magic number in hex
  uint64_t free_bytes = 0;
  uint64_t total_bytes = 0;
  std::optional<uint64_t> free_files = {};  // inodes; nullopt where the file system has no such bound

  Answer locks = Answer::kUnknown;          // two descriptors exclude each other
  Answer process_locks = Answer::kUnknown;  // so do two processes
  Answer rename = Answer::kUnknown;         // replaces in one step, and the replaced file stays readable
  Answer sync = Answer::kUnknown;           // of a file and of the folder
  Answer hard_links = Answer::kUnknown;
  Answer reflinks = Answer::kUnknown;
  Answer symlinks = Answer::kUnknown;
  Answer case_sensitive = Answer::kUnknown;
  std::optional<std::chrono::seconds> clock_ahead = {};  // of the file server, measured with a new file
};

struct NetworkFacts {
  bool was_asked = true;  // false: nobody was called, for the reason below
  std::string why_not = {};
  std::string endpoint;
  std::string host;        // looked up: the hub's, or its proxy's
  std::string proxy = {};  // through which the hub is asked; empty: through none
  Proxies proxies = {};
  std::string ca_file = {};  // configured; empty: the system's
  std::string ca_trouble = {};
  std::string other_ca_variable = {};  // one that other tools heed and the daemon does not
  std::string dns_trouble = {};
  int addresses = 0;
  std::string trouble = {};  // no answer came
  bool is_rate_limited = false;
  int status = 0;
  std::chrono::milliseconds took{0};
  std::optional<std::chrono::seconds> clock_ahead = {};  // of this machine, against the answer's Date
};

struct ProcessFacts {
  uint64_t open_files = 0;
  uint64_t open_files_limit = 0;  // 0: none
};

struct Facts {
  uint32_t uid = 0;  // whom the daemon runs as
  bool is_system = false;
  FolderFacts state;
  FolderFacts cache;
  uint64_t cache_quota_bytes = 0;  // 0: none
  uint64_t cache_min_free_bytes = 0;
  std::optional<uint64_t> cache_used_bytes = {};
  NetworkFacts network;
  ProcessFacts process;
};

}  // namespace batuta::doctor
