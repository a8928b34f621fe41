#include "daemon/app/options.h"

#include <iostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/app/version.h"

namespace batuta::app {

namespace {

constexpr std::string_view kExamples =
    R"(The background service of Batuta: one Hugging Face cache, one download queue and one rate-limit budget for a machine.

Examples:
  batutad                                  serve this user, on the usual socket
  batutad --print-config                   show the effective configuration and where each value comes from
  batutad --cache-dir /data/hub            keep the cache elsewhere (or set HF_HUB_CACHE)
  batutad --endpoint http://127.0.0.1:8000 use another hub (or set HF_ENDPOINT)

Usually nobody starts it by hand: `batuta` does when it finds none.)";

// Every setting of the daemon. The defaults that depend on the environment are worked out first.
absl::StatusOr<std::vector<Setting>> Declare(const Environment& environment) {
  ASSIGN_OR_RETURN(const std::filesystem::path socket, SocketPath(environment));
  ASSIGN_OR_RETURN(const std::filesystem::path state_dir, StateDir(environment));
  ASSIGN_OR_RETURN(const std::filesystem::path cache_dir, CacheDir(environment));
  return std::vector<Setting>{
      {"socket",
       "--socket",
       {"BATUTA_SOCKET"},
       socket.string(),
       "Path of the Unix socket, at most 107 bytes."},
      {"state_dir",
       "--state-dir",
       {"BATUTA_STATE_DIR"},
       state_dir.string(),
       "Folder of the catalog and the lock; one daemon each."},
      {"cache_dir",
       "--cache-dir",
       {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"},
       cache_dir.string(),
       "Root of the shared Hugging Face cache."},
      {"endpoint", "--endpoint", {"HF_ENDPOINT"}, std::string(kDefaultEndpoint), "Base URL of the hub."},
      {"offline",
       "",
       {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"},
       "false",
       "Answer everything from the cache; make no request."},
      {"idle_timeout",
       "--idle-timeout",
       {"BATUTA_IDLE_TIMEOUT"},
       "30m",
       "Leave after so long without calls or active jobs; 0 = never."},
      {"log.level", "--log-level", {"BATUTA_LOG"}, "info", "trace, debug, info, warn, error or off."},
      {"log.journal", "", {}, "false", "Prefix lines with the level number that the journal reads."},
      {"hub.metadata_timeout",
       "",
       {"HF_HUB_ETAG_TIMEOUT"},
       "10",
       "Seconds without a byte before a metadata request is given up."},
      {"hub.revision_ttl",
       "",
       {},
       "60s",
       "How long a branch is believed to stand where it was last seen; 0 = ask every time."},
      {"hub.quota_anonymous_api",
       "",
       {},
       "500",
       "API requests per window without a token, until the hub says otherwise."},
      {"hub.quota_anonymous_resolvers",
       "",
       {},
       "3000",
       "File requests per window without a token, until the hub says otherwise."},
      {"hub.quota_api",
       "",
       {},
       "1000",
       "API requests per window with a token, until the hub says otherwise."},
      {"hub.quota_resolvers",
       "",
       {},
       "5000",
       "File requests per window with a token, until the hub says otherwise."},
      {"hub.window", "", {}, "300s", "Length of the hub's rate-limit window, until the hub says otherwise."},
      {"transfer.connections", "", {}, "32", "Connections for file contents, all files together."},
      {"transfer.connections_per_file", "", {}, "8", "Connections for one file."},
      {"transfer.stall_timeout",
       "",
       {"HF_HUB_DOWNLOAD_TIMEOUT"},
       "10",
       "Seconds without a byte before a connection is replaced."},
      {"transfer.buffers", "", {}, "96", "Pieces of 256 KiB that hold bytes between network and disk."},
      {"cache.spare", "", {}, "64MB", "Left free on the file system of the cache, whatever is pulled."},
      {"disk.threads", "", {}, "4", "Threads that write, hash and publish."},
      {"tls.ca_file", "", {"SSL_CERT_FILE"}, "", "Certificates to trust, in PEM; empty = the system's."},
  };
}

// The config files that exist, strongest first.
absl::StatusOr<std::vector<ConfigFile>> ReadFiles(const CommandLine& command_line,
                                                  const Environment& environment,
                                                  const std::vector<Setting>& declared) {
  std::vector<ConfigFile> files;
  if (!command_line.config_file.empty()) {
    ASSIGN_OR_RETURN(std::optional<ConfigFile> file, ReadConfigFile(command_line.config_file, declared));
    if (!file) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                       fmt::format("--config {}: there is no such file", command_line.config_file));
    }
    files.push_back(*std::move(file));
    return files;
  }
  ASSIGN_OR_RETURN(const std::filesystem::path user_file, UserConfigFile(environment));
  for (const std::filesystem::path& path : {user_file, SystemConfigFile()}) {
    ASSIGN_OR_RETURN(std::optional<ConfigFile> file, ReadConfigFile(path.string(), declared));
    if (file) files.push_back(*std::move(file));
  }
  return files;
}

absl::StatusOr<std::filesystem::path> AbsolutePath(const Settings& settings, const Environment& environment,
                                                   std::string_view key) {
  std::error_code error;
  std::filesystem::path path =
      std::filesystem::absolute(ExpandPath(environment, settings.Get(key).value), error);
  if (error || settings.Get(key).value.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                     fmt::format("{} ({}): not a usable path", key, settings.Get(key).origin));
  }
  path = path.lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

absl::Status ResolvePlaces(const Settings& settings, const Environment& environment, Options& options) {
  ASSIGN_OR_RETURN(options.socket, AbsolutePath(settings, environment, "socket"));
  RETURN_IF_ERROR(CheckSocketPath(options.socket, settings.Get("socket").origin));
  ASSIGN_OR_RETURN(options.state_dir, AbsolutePath(settings, environment, "state_dir"));
  ASSIGN_OR_RETURN(options.cache_dir, AbsolutePath(settings, environment, "cache_dir"));
  ASSIGN_OR_RETURN(options.endpoint,
                   NormaliseEndpoint(settings.Get("endpoint").value, settings.Get("endpoint").origin));
  return absl::OkStatus();
}

absl::Status ResolveLog(const Settings& settings, Options& options) {
  if (!ParseLogLevel(settings.Get("log.level").value, &options.log_level)) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                     fmt::format("log.level = \"{}\" ({}): expected trace, debug, info, warn, error or off",
                                 settings.Get("log.level").value, settings.Get("log.level").origin));
  }
  ASSIGN_OR_RETURN(options.log_for_journal, settings.Flag("log.journal"));
  return absl::OkStatus();
}

absl::Status ResolveHub(const Settings& settings, Options& options) {
  constexpr int kMaxQuota = 100'000'000;
  ASSIGN_OR_RETURN(options.planner.offline, settings.Flag("offline"));
  ASSIGN_OR_RETURN(const auto revision_ttl, settings.Duration("hub.revision_ttl"));
  options.planner.revision_ttl = std::chrono::duration_cast<std::chrono::seconds>(revision_ttl);
  ASSIGN_OR_RETURN(options.metadata_timeout, settings.Duration("hub.metadata_timeout"));

  budget::BudgetOptions& budget = options.budget;
  budget.endpoint = options.endpoint;
  ASSIGN_OR_RETURN(const auto window, settings.Duration("hub.window"));
  budget.window = std::max(std::chrono::seconds(1), std::chrono::duration_cast<std::chrono::seconds>(window));
  const std::pair<std::string_view, uint64_t*> quotas[] = {
      {"hub.quota_anonymous_api", &budget.anonymous.api},
      {"hub.quota_anonymous_resolvers", &budget.anonymous.resolvers},
      {"hub.quota_api", &budget.authenticated.api},
      {"hub.quota_resolvers", &budget.authenticated.resolvers}};
  for (const auto& [key, quota] : quotas) {
    ASSIGN_OR_RETURN(const int count, settings.Count(key, 1, kMaxQuota));
    *quota = static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

absl::Status ResolveTransfer(const Settings& settings, Options& options) {
  transfer::TransferOptions& transfer = options.transfer;
  ASSIGN_OR_RETURN(transfer.connections, settings.Count("transfer.connections", 1, 256));
  ASSIGN_OR_RETURN(transfer.connections_per_blob, settings.Count("transfer.connections_per_file", 1, 64));
  ASSIGN_OR_RETURN(transfer.stall_timeout, settings.Duration("transfer.stall_timeout"));
  // Every connection may hold one buffer while it waits for bytes; as many again are kept for the disk.
  ASSIGN_OR_RETURN(const int buffers, settings.Count("transfer.buffers", 2 * transfer.connections, 4'096));
  options.buffer_count = static_cast<size_t>(buffers);
  ASSIGN_OR_RETURN(options.spare_bytes, settings.Bytes("cache.spare"));
  ASSIGN_OR_RETURN(options.disk_threads, settings.Count("disk.threads", 1, 64));
  options.curl.max_connections = transfer.connections + 16;
  options.curl.max_connections_per_host = transfer.connections + 8;
  options.curl.ca_file = settings.Get("tls.ca_file").value;
  options.curl.user_agent = fmt::format("batuta/{}", kVersion);
  return absl::OkStatus();
}

}  // namespace

CommandLine ParseCommandLine(int argc, char** argv) {
  CommandLine result;
  CLI::App app{std::string(kExamples), "batutad"};
  app.set_version_flag("--version", fmt::format("batutad {}", kVersion));
  const std::pair<const char*, const char*> flags[] = {
      {"--socket", "Path of the Unix socket"},
      {"--state-dir", "Folder of the catalog and the lock"},
      {"--cache-dir", "Root of the shared Hugging Face cache"},
      {"--endpoint", "Base URL of the hub"},
      {"--idle-timeout", "Leave after so long without work, e.g. 30m; 0 = never"},
      {"--log-level", "trace, debug, info, warn, error or off"}};
  std::map<std::string, std::string> values;
  for (const auto& [name, help] : flags) app.add_option(name, values[name], help);
  app.add_option("--config", result.config_file,
                 "Read this file instead of the user's and the system's config.toml");
  app.add_flag("--print-config", result.print_config,
               "Print the effective configuration with the origin of each value");
  bool foreground = false;
  app.add_flag("--foreground", foreground,
               "Stay in the foreground, as it always does (for service managers)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    result.is_done = true;
    constexpr int kUsageError = 2;
    result.exit_code = app.exit(error, std::cout, std::cerr) == 0 ? 0 : kUsageError;
    return result;
  }
  for (const auto& [name, value] : values) {
    if (app.get_option(name)->count() > 0) result.flags.emplace(name, value);
  }
  return result;
}

absl::StatusOr<Options> ResolveOptions(const CommandLine& command_line, const Environment& environment) {
  ASSIGN_OR_RETURN(const std::vector<Setting> declared, Declare(environment));
  ASSIGN_OR_RETURN(const std::vector<ConfigFile> files, ReadFiles(command_line, environment, declared));
  const Settings settings(declared, command_line.flags, environment, files);
  Options options;
  RETURN_IF_ERROR(ResolvePlaces(settings, environment, options));
  RETURN_IF_ERROR(ResolveLog(settings, options));
  RETURN_IF_ERROR(ResolveHub(settings, options));
  RETURN_IF_ERROR(ResolveTransfer(settings, options));
  ASSIGN_OR_RETURN(options.idle_timeout, settings.Duration("idle_timeout"));
  options.entries = settings.Entries();
  return options;
}

}  // namespace batuta::app
