#include "daemon/app/options.h"

#include <iostream>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"
#include "daemon/app/manual.h"
#include "daemon/app/version.h"
#include "daemon/budget/plan.h"
#include "daemon/metrics/port_address.h"

namespace batuta::app {

namespace {

constexpr std::chrono::milliseconds kMinTimeout{100};
constexpr bool kAtOnce = true;  // see ConfigEntry::applies_at_once

constexpr std::string_view kExamples =
    R"(The background service of Batuta: one Hugging Face cache, one download queue and one rate-limit budget for a machine.

Examples:
  batutad                                  serve this user, on the usual socket
  batutad --print-config                   show the effective configuration and where each value comes from
  batutad --cache-dir /data/hub            keep the cache elsewhere (or set HF_HUB_CACHE)
  batutad --endpoint http://127.0.0.1:8000  use another hub (or set HF_ENDPOINT)
  batutad --system                         serve every user of this machine, below /run and /var

Usually nobody starts it by hand: `batuta` does when it finds none.)";

// A place that cannot be worked out matters only when nobody names another one: see AbsolutePath().
std::string TextOf(const absl::StatusOr<std::filesystem::path>& place) {
  return place.ok() ? place->string() : std::string();
}

// Every setting of the daemon. The defaults that depend on the environment are worked out first.
std::vector<Setting> Declare(const Environment& environment, Mode mode) {
  return {
      {"socket",
       "--socket",
       {"BATUTA_SOCKET"},
       TextOf(SocketPath(environment, mode)),
       "Path of the Unix socket, at most 107 bytes."},
      {"state_dir",
       "--state-dir",
       {"BATUTA_STATE_DIR"},
       TextOf(StateDir(environment, mode)),
       "Folder of the catalog and the lock; one daemon each."},
      {"cache_dir",
       "--cache-dir",
       {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"},
       TextOf(CacheDir(environment, mode)),
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
       mode == Mode::kSystem ? "0" : "30m",
       "Leave after so long without calls or active jobs; 0 = never.",
       kAtOnce},
      {"log.level",
       "--log-level",
       {"BATUTA_LOG"},
       "info",
       "trace, debug, info, warn, error or off.",
       kAtOnce},
      {"log.journal",
       "",
       {"BATUTA_LOG_JOURNAL"},
       "false",
       "Prefix lines with the level number that the journal reads."},
      {"metrics.listen",
       "",
       {},
       "",
       "Address of this machine alone at which metrics are served over HTTP, e.g. 127.0.0.1:9469; empty = "
       "none."},
      {"hub.metadata_timeout",
       "",
       {"HF_HUB_ETAG_TIMEOUT"},
       "10",
       "Seconds without a connection or a byte before a question to the hub is given up."},
      {"hub.revision_ttl",
       "",
       {},
       "60s",
       "How long a branch is believed to stand where it was last seen; 0 = ask every time."},
      {"hub.search_ttl",
       "",
       {},
       "60s",
       "How long the answer to a search is given again; 0 = ask every time."},
      {"hub.identity_ttl",
       "",
       {},
       "5m",
       "How long a token is believed to belong to whom it last did; 0 = ask every time."},
      {"hub.not_found_ttl",
       "",
       {},
       "30s",
       "How long a repo or revision that was not there is believed not to be; 0 = ask every time."},
      {"hub.memory",
       "",
       {},
       "256MB",
       "Answers of the hub kept on disk at most, the newest ones; 0 = none, so that everything is asked."},
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
      {"hub.plan",
       "",
       {},
       "free",
       "Plan of the tokens in use, whose quotas hold until the hub says otherwise: free, pro, team, "
       "academia, "
       "enterprise, enterprise-plus, enterprise-plus-high."},
      {"hub.quota_api",
       "",
       {},
       "",
       "API requests per window with a token, until the hub says otherwise; empty = those of the plan."},
      {"hub.quota_resolvers",
       "",
       {},
       "",
       "File requests per window with a token, until the hub says otherwise; empty = those of the plan."},
      {"hub.window", "", {}, "300s", "Length of the hub's rate-limit window, until the hub says otherwise."},
      {"transfer.connections", "", {}, "32", "Connections for file contents, all files together."},
      {"transfer.connections_per_file", "", {}, "8", "Connections for one file."},
      {"transfer.limit_rate",
       "",
       {},
       "0",
       "Bandwidth of all jobs together, e.g. 10M bytes per second; 0 = no limit. `batuta daemon limit-rate` "
       "overrides it.",
       kAtOnce},
      {"transfer.stall_timeout",
       "",
       {"HF_HUB_DOWNLOAD_TIMEOUT"},
       "10",
       "Seconds without a byte before a connection is replaced."},
      {"transfer.buffers",
       "",
       {},
       "0",
       "Pieces of 256 KiB that hold bytes between network and disk; 0 = three per connection."},
      {"cache.max_size",
       "",
       {},
       "0",
       "What the cache may hold, e.g. 500GB: what was not used for longest makes room; 0 = no limit.",
       kAtOnce},
      {"cache.min_free",
       "",
       {},
       "64MB",
       "Left free on the file system of the cache, whatever is pulled; the cache makes room for it as well.",
       kAtOnce},
      {"cache.grace",
       "",
       {},
       "2m",
       "What another program has written to is not evicted for so long, since it tells nobody what it uses."},
      {"cache.high_water", "", {}, "95", "Percent of cache.max_size above which eviction begins.", kAtOnce},
      {"cache.low_water", "", {}, "85", "Percent of cache.max_size down to which it goes on.", kAtOnce},
      {"cache.verify_rate",
       "",
       {},
       "200M",
       "Bytes per second that `hf cache verify` reads when it names no --limit-rate; 0 = as fast as the "
       "disk.",
       kAtOnce},
      {"users.max_jobs", "", {}, "2000", "Jobs of one user that have not ended; more are refused."},
      {"users.admins",
       "",
       {},
       "",
       "Of a system daemon: who besides root may limit, remove, prune, verify, import and stop; names or "
       "uids, "
       "separated by commas."},
      {"users.grant_ttl",
       "",
       {},
       "24h",
       "Of a system daemon: how long who has proved access to a gated or private repo may read it, before "
       "the "
       "hub has to say so again."},
      {"users.proof_ttl",
       "",
       {},
       "5m",
       "Of a system daemon: how long a pull by the same user does without asking the hub whether he still "
       "may; "
       "0 = ask every time."},
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
    std::error_code error;
    const std::filesystem::path path = std::filesystem::absolute(command_line.config_file, error);
    ASSIGN_OR_RETURN(std::optional<ConfigFile> file, ReadConfigFile(path.string(), declared));
    if (!file) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                       fmt::format("--config {}: there is no such file", Quoted(command_line.config_file)));
    }
    files.push_back(*std::move(file));
    return files;
  }
  std::vector<std::filesystem::path> paths{SystemConfigFile()};
  // A user without a home folder has no file of his own.
  if (auto user_file = UserConfigFile(environment); command_line.mode == Mode::kUser && user_file.ok()) {
    paths.insert(paths.begin(), *user_file);
  }
  for (const std::filesystem::path& path : paths) {
    ASSIGN_OR_RETURN(std::optional<ConfigFile> file, ReadConfigFile(path.string(), declared));
    if (file) files.push_back(*std::move(file));
  }
  return files;
}

// The path of a setting. `usual` is where its default came from, and the error when there is none. A flag may
// be relative to the working folder; the environment and files, which other programs read too, may not.
absl::StatusOr<std::filesystem::path> AbsolutePath(const Settings& settings, const Environment& environment,
                                                   std::string_view key,
                                                   const absl::StatusOr<std::filesystem::path>& usual) {
  const Sourced& sourced = settings.Get(key);
  if (sourced.origin == kDefaultOrigin) return usual;
  std::filesystem::path path = ExpandPath(environment, sourced.value);
  if (sourced.origin.starts_with("flag ") && !path.empty()) {
    std::error_code error;
    path = std::filesystem::absolute(path, error);
  }
  if (!path.is_absolute()) {
    return MakeError(
        absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
        fmt::format("{} = {} ({}): not an absolute path", key, Quoted(sourced.value), sourced.origin),
        "give a full path");
  }
  path = path.lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

absl::Status ResolvePlaces(const Settings& settings, const Environment& environment, Options& options) {
  ASSIGN_OR_RETURN(options.socket,
                   AbsolutePath(settings, environment, "socket", SocketPath(environment, options.mode)));
  RETURN_IF_ERROR(CheckSocketPath(options.socket, settings.Get("socket").origin));
  ASSIGN_OR_RETURN(options.state_dir,
                   AbsolutePath(settings, environment, "state_dir", StateDir(environment, options.mode)));
  ASSIGN_OR_RETURN(options.cache_dir,
                   AbsolutePath(settings, environment, "cache_dir", CacheDir(environment, options.mode)));
  ASSIGN_OR_RETURN(options.endpoint,
                   NormaliseEndpoint(settings.Get("endpoint").value, settings.Get("endpoint").origin));
  return absl::OkStatus();
}

// Every setting travels through the API as text.
absl::Status CheckTexts(const std::vector<service::ConfigEntry>& entries) {
  for (const service::ConfigEntry& entry : entries) {
    if (IsValidUtf8(entry.value) && !ContainsControl(entry.value)) continue;
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                     fmt::format("{} = {} ({}): not UTF-8, or holds a control character", entry.key,
                                 Quoted(entry.value), entry.origin),
                     "give another value");
  }
  return absl::OkStatus();
}

absl::Status ResolveLog(const Settings& settings, Options& options) {
  if (!ParseLogLevel(settings.Get("log.level").value, &options.log_level)) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                     fmt::format("log.level = {} ({}): expected trace, debug, info, warn, error or off",
                                 Quoted(settings.Get("log.level").value), settings.Get("log.level").origin));
  }
  ASSIGN_OR_RETURN(options.log_for_journal, settings.Flag("log.journal"));
  const Sourced& listen = settings.Get("metrics.listen");
  if (!listen.value.empty()) {
    const absl::Status usable = metrics::ParseLoopback(listen.value).status();
    if (!usable.ok()) return Annotate(usable, fmt::format("metrics.listen ({})", listen.origin));
  }
  options.metrics_listen = listen.value;
  return absl::OkStatus();
}

absl::Status ResolveHub(const Settings& settings, Options& options) {
  constexpr int kMaxQuota = 100'000'000;
  ASSIGN_OR_RETURN(options.planner.offline, settings.Flag("offline"));
  ASSIGN_OR_RETURN(options.metadata_timeout, settings.Duration("hub.metadata_timeout", kMinTimeout));

  budget::BudgetOptions& budget = options.budget;
  budget.endpoint = options.endpoint;
  ASSIGN_OR_RETURN(const auto window, settings.Duration("hub.window", std::chrono::seconds(1)));
  budget.window = std::chrono::duration_cast<std::chrono::seconds>(window);
  const Sourced& plan = settings.Get("hub.plan");
  const std::optional<budget::Quotas> of_plan = budget::QuotasOfPlan(plan.value);
  if (!of_plan) {
    return MakeError(
        absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
        fmt::format("hub.plan = {} ({}): expected {}", Quoted(plan.value), plan.origin, budget::kPlanNames));
  }
  budget.authenticated = *of_plan;
  const std::pair<std::string_view, uint64_t*> quotas[] = {
      {"hub.quota_anonymous_api", &budget.anonymous.api},
      {"hub.quota_anonymous_resolvers", &budget.anonymous.resolvers},
      {"hub.quota_api", &budget.authenticated.api},
      {"hub.quota_resolvers", &budget.authenticated.resolvers}};
  for (const auto& [key, quota] : quotas) {
    if (settings.Get(key).value.empty()) continue;
    ASSIGN_OR_RETURN(const int count, settings.Count(key, 1, kMaxQuota));
    *quota = static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

absl::Status ResolveMemory(const Settings& settings, Options& options) {
  ASSIGN_OR_RETURN(options.lifetimes.revision, settings.Duration("hub.revision_ttl"));
  ASSIGN_OR_RETURN(options.lifetimes.search, settings.Duration("hub.search_ttl"));
  ASSIGN_OR_RETURN(options.lifetimes.identity, settings.Duration("hub.identity_ttl"));
  ASSIGN_OR_RETURN(options.lifetimes.refusal, settings.Duration("hub.not_found_ttl"));
  ASSIGN_OR_RETURN(options.memory_bytes, settings.Bytes("hub.memory"));
  return absl::OkStatus();
}

absl::Status ResolveTransfer(const Settings& settings, Options& options) {
  transfer::TransferOptions& transfer = options.transfer;
  ASSIGN_OR_RETURN(transfer.connections, settings.Count("transfer.connections", 1, 256));
  ASSIGN_OR_RETURN(transfer.connections_per_blob, settings.Count("transfer.connections_per_file", 1, 64));
  ASSIGN_OR_RETURN(transfer.stall_timeout, settings.Duration("transfer.stall_timeout", kMinTimeout));
  ASSIGN_OR_RETURN(const int buffers, settings.Count("transfer.buffers", 0, 4'096));
  // Every connection may hold one buffer while it waits for bytes; as many again are kept for the disk.
  if (buffers != 0)
    RETURN_IF_ERROR(settings.Count("transfer.buffers", 2 * transfer.connections, 4'096).status());
  options.buffer_count = static_cast<size_t>(buffers == 0 ? 3 * transfer.connections : buffers);
  ASSIGN_OR_RETURN(options.limit_bytes_per_second, settings.Rate("transfer.limit_rate"));
  ASSIGN_OR_RETURN(options.quota.max_bytes, settings.Bytes("cache.max_size"));
  ASSIGN_OR_RETURN(options.quota.min_free_bytes, settings.Bytes("cache.min_free"));
  ASSIGN_OR_RETURN(options.grace, settings.Duration("cache.grace"));
  ASSIGN_OR_RETURN(options.quota.high_percent, settings.Count("cache.high_water", 1, 100));
  ASSIGN_OR_RETURN(options.quota.low_percent,
                   settings.Count("cache.low_water", 1, options.quota.high_percent));
  ASSIGN_OR_RETURN(options.verify_bytes_per_second, settings.Rate("cache.verify_rate"));
  ASSIGN_OR_RETURN(options.disk_threads, settings.Count("disk.threads", 1, 64));
  options.curl.max_connections = transfer.connections + 16;
  options.curl.max_connections_per_host = transfer.connections + 8;
  options.curl.ca_file = settings.Get("tls.ca_file").value;
  options.curl.user_agent = fmt::format("batuta/{}", kVersion);
  return absl::OkStatus();
}

std::string Manual(const CLI::App& app) {
  std::vector<FlagHelp> flags;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    const std::string value = option->get_items_expected_max() == 0 ? "" : " VALUE";
    flags.push_back({option->get_name(false, true) + value, option->get_description()});
  }
  const Environment anybody = AnybodysEnvironment();
  return ManualPage(kExamples, flags, Declare(anybody, Mode::kUser), Declare(anybody, Mode::kSystem));
}

}  // namespace

void Options::SetSocket(std::filesystem::path path, std::string_view origin) {
  for (service::ConfigEntry& entry : entries) {
    if (entry.key != "socket") continue;
    entry.value = path.string();
    entry.origin = origin;
  }
  socket = std::move(path);
}

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
  app.add_flag("--check", result.check,
               "Look at what a daemon would depend on, print it as JSON and leave; `batuta doctor` reads it");
  app.add_flag("--without-network", result.without_network, "With --check: call nobody");
  bool is_system = false;
  app.add_flag("--system", is_system,
               "Serve every user of the machine that the socket lets in, below /run and /var");
  bool manual = false;
  app.add_flag("--print-manual", manual, "Print batutad(8)")->group("");  // for the build
  bool config_template = false;
  app.add_flag("--print-config-template", config_template,
               "Print a config.toml of comments: every setting with its default and what it means");
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
  result.mode = is_system ? Mode::kSystem : Mode::kUser;
  if (manual) std::cout << Manual(app);
  if (config_template) std::cout << ConfigTemplate(Declare(AnybodysEnvironment(), result.mode));
  result.is_done = manual || config_template;
  for (const auto& [name, value] : values) {
    if (app.get_option(name)->count() > 0) result.flags.emplace(name, value);
  }
  return result;
}

absl::StatusOr<Options> ResolveOptions(const CommandLine& command_line, const Environment& environment) {
  const std::vector<Setting> declared = Declare(environment, command_line.mode);
  ASSIGN_OR_RETURN(const std::vector<ConfigFile> files, ReadFiles(command_line, environment, declared));
  const Settings settings(declared, command_line.flags, environment, files);
  Options options;
  options.mode = command_line.mode;
  options.entries = settings.Entries();
  RETURN_IF_ERROR(CheckTexts(options.entries));
  RETURN_IF_ERROR(ResolvePlaces(settings, environment, options));
  RETURN_IF_ERROR(ResolveLog(settings, options));
  RETURN_IF_ERROR(ResolveHub(settings, options));
  RETURN_IF_ERROR(ResolveMemory(settings, options));
  RETURN_IF_ERROR(ResolveTransfer(settings, options));
  ASSIGN_OR_RETURN(options.idle_timeout, settings.Duration("idle_timeout"));
  ASSIGN_OR_RETURN(const int max_jobs, settings.Count("users.max_jobs", 1, 10'000));
  options.max_jobs_of_user = static_cast<size_t>(max_jobs);
  options.admins = settings.Get("users.admins").value;
  ASSIGN_OR_RETURN(options.lifetimes_of_access.grant,
                   settings.Duration("users.grant_ttl", std::chrono::seconds(1)));
  ASSIGN_OR_RETURN(options.lifetimes_of_access.proof, settings.Duration("users.proof_ttl"));
  return options;
}

}  // namespace batuta::app
