#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/config/locations.h"
#include "common/log/log.h"
#include "daemon/app/settings.h"
#include "daemon/budget/budgeted_transport.h"
#include "daemon/entitlement/repo_access.h"
#include "daemon/eviction/plan.h"
#include "daemon/hub/freshness.h"
#include "daemon/pull/planner.h"
#include "daemon/transfer/transfer.h"
#include "daemon/transport/curl_transport.h"

namespace batuta::app {

// Everything the daemon is told, checked and typed. Fixed after start, but for what Daemon::Reconfigure()
// names.
struct Options {
  Mode mode = Mode::kUser;
  std::filesystem::path socket;
  std::filesystem::path state_dir;
  std::filesystem::path cache_dir;
  std::string endpoint;
  LogLevel log_level = LogLevel::kInfo;
  bool log_for_journal = false;
  std::string metrics_listen;                 // an address of this machine alone; empty = no port
  std::chrono::milliseconds idle_timeout{0};  // 0 = never leave
  int disk_threads = 4;
  size_t max_jobs_of_user = 2'000;  // not ended
  size_t buffer_count = 64;
  std::string admins;  // of a system daemon: names and uids, separated by commas
  entitlement::Lifetimes lifetimes_of_access;
  eviction::Quota quota;
  std::chrono::milliseconds grace{0};    // see eviction::EvictorOptions
  uint64_t verify_bytes_per_second = 0;  // of reading; 0 = no limit
  uint64_t limit_bytes_per_second = 0;   // of all jobs together; 0 = none
  std::chrono::milliseconds metadata_timeout{10'000};
  hub::Lifetimes lifetimes;   // of answers of the hub
  uint64_t memory_bytes = 0;  // of answers of the hub, on disk
  pull::PlannerOptions planner;
  transfer::TransferOptions transfer;
  transport::CurlOptions curl;
  budget::BudgetOptions budget;

  std::vector<service::ConfigEntry> entries;  // the same, as text with origins

  // Somebody who is stronger than all settings has decided it.
  void SetSocket(std::filesystem::path path, std::string_view origin);
};

// What the command line of batutad asks for.
struct CommandLine {
  Mode mode = Mode::kUser;  // --system
  FlagValues flags;
  std::string config_file;  // --config; empty = the usual places
  bool print_config = false;
  bool check = false;  // --check: say what works, as JSON, and leave
  bool without_network = false;
  bool is_done = false;  // help or version was printed
  int exit_code = 0;     // when is_done
};

// Parses flags; prints help, version and usage errors itself.
CommandLine ParseCommandLine(int argc, char** argv);

// Flags, environment, the user's config file, the system's, defaults; a system daemon has no user's file.
// Pure but for reading the two files.
//   kInvalidArgument (CONFIG_INVALID)  names key, value and origin.
absl::StatusOr<Options> ResolveOptions(const CommandLine& command_line, const Environment& environment);

}  // namespace batuta::app
