#include "client/commands/daemon_commands.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "client/output/json_writer.h"
#include "client/output/state_view.h"
#include "common/config/hub_token.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr std::chrono::seconds kStopLimit{30};  // jobs are checkpointed and open files synced first
constexpr std::chrono::milliseconds kStopPoll{20};

// For questions about the daemon itself: whichever answers, and none is started.
const ConnectOptions kAsItIs = {.may_spawn = false, .check_identity = false, .send_token = false};

// Is the daemon of `pid` still at the other end of this connection? A new connection would start the next
// daemon where a service manager holds the socket.
bool StillAnswers(DaemonClient& daemon, int64_t pid) {
  const absl::StatusOr<v1::GetStatusResponse> status = daemon.GetStatus();
  return status.ok() && status->pid() == pid;
}

// {"stopped":true,"pid":…}; `pid` 0: there was none.
void PrintStopped(Output& output, int64_t pid) {
  if (!output.json()) return;
  JsonWriter json;
  json.BeginObject().Field("stopped", pid != 0);
  if (pid == 0) {
    json.FieldOrNull("pid", "");
  } else {
    json.Field("pid", static_cast<uint64_t>(pid));
  }
  output.Data(json.EndObject().Take());
}

}  // namespace

std::string_view DaemonStart::examples() const {
  return "batuta daemon start\n";
}

absl::Status DaemonStart::Run(Context& context) {
  const bool was_running = context.connector.Open(kAsItIs).ok();
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  if (context.output.human()) {
    context.output.Talk(fmt::format("batutad {}: pid {}, socket {}", was_running ? "runs already" : "started",
                                    connection.status.pid(), Printable(connection.status.socket_path())));
    return absl::OkStatus();
  }
  PrintDaemon(context.output, connection.status, context.clock.wall());
  return absl::OkStatus();
}

std::string_view DaemonStop::examples() const {
  return "batuta daemon stop\n";
}

absl::Status DaemonStop::Run(Context& context) {
  const absl::StatusOr<Connection> connection = context.connector.Open(kAsItIs);
  if (!connection.ok()) {
    const bool is_none = ReasonOf(connection.status()) == reason::kDaemonUnreachable &&
                         !DetailsOf(connection.status()).facts.contains("stranger");
    if (!is_none) return connection.status();
    context.output.Talk("no daemon is running");
    PrintStopped(context.output, 0);
    return absl::OkStatus();
  }
  const int64_t pid = connection->status.pid();
  RETURN_IF_ERROR(connection->client->Shutdown());
  const SteadyTime deadline = context.clock.steady() + kStopLimit;
  while (StillAnswers(*connection->client, pid)) {
    if (context.clock.steady() > deadline) {
      return MakeError(
          absl::StatusCode::kDeadlineExceeded, reason::kDaemonBusy,
          fmt::format("the daemon (pid {}) has not left after {}", pid, FormatDuration(kStopLimit)),
          "its log tells what it waits for");
    }
    std::this_thread::sleep_for(kStopPoll);
  }
  context.output.Talk(fmt::format("batutad stopped (pid {})", pid));
  PrintStopped(context.output, pid);
  return absl::OkStatus();
}

std::string_view DaemonStatus::examples() const {
  return "batuta daemon status\n"
         "batuta daemon status --format json\n";
}

absl::Status DaemonStatus::Run(Context& context) {
  ConnectOptions options = kAsItIs;
  // With the caller's token come its windows. One that cannot be read is no reason to be told nothing.
  if (absl::StatusOr<HubToken> found = FindHubToken(context.environment); found.ok()) {
    options.token = std::move(found->token);
  }
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open(options));
  StatusReport report;
  report.client_version = BATUTA_VERSION;
  ASSIGN_OR_RETURN(report.daemon, connection.client->GetStatus(/*details=*/true));
  ASSIGN_OR_RETURN(report.limits, connection.client->GetLimits());
  PrintStatus(context.output, report, context.clock.wall());
  return absl::OkStatus();
}

std::string_view DaemonMetrics::examples() const {
  return "batuta daemon metrics\n"
         "batuta daemon metrics > /var/lib/node_exporter/batuta.prom  for a collector of text files\n";
}

absl::Status DaemonMetrics::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open(kAsItIs));
  ASSIGN_OR_RETURN(const std::string text, connection.client->GetMetrics());
  if (!context.output.json()) return context.output.Data(text), absl::OkStatus();
  JsonWriter json;
  json.BeginObject().Field("text", text).EndObject();
  context.output.Data(json.Take());
  return absl::OkStatus();
}

std::string_view DaemonLogLevel::examples() const {
  return "batuta daemon log-level  what holds now\n"
         "batuta daemon log-level debug  from now on, until the daemon ends\n"
         "batuta daemon log-level default  what config.toml says (log.level)\n";
}

void DaemonLogLevel::DefineFlags(Flags& flags) {
  flags.Optional(&level_, "LEVEL", "trace, debug, info, warn, error or off; default = as configured");
}

absl::Status DaemonLogLevel::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open(kAsItIs));
  if (level_.empty()) {
    ASSIGN_OR_RETURN(const v1::GetStatusResponse status, connection.client->GetStatus(/*details=*/true));
    PrintLogLevel(context.output, status.log_level(), status.configured_log_level());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const v1::SetLogLevelResponse set,
                   connection.client->SetLogLevel(level_ == "default" ? "" : level_));
  PrintLogLevel(context.output, set.level(), set.configured_level());
  return absl::OkStatus();
}

std::string_view DaemonConfig::examples() const {
  return "batuta daemon config\n"
         "batuta daemon config --format json\n";
}

absl::Status DaemonConfig::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open(kAsItIs));
  ASSIGN_OR_RETURN(const v1::GetConfigResponse config, connection.client->GetConfig());
  PrintConfig(context.output, config);
  return absl::OkStatus();
}

std::string_view DaemonLimitRate::examples() const {
  return "batuta daemon limit-rate  what holds now\n"
         "batuta daemon limit-rate 10M  ten megabytes per second, from now on\n"
         "batuta daemon limit-rate 0  no limit\n"
         "batuta daemon limit-rate default  what config.toml says (transfer.limit_rate)\n";
}

void DaemonLimitRate::DefineFlags(Flags& flags) {
  flags.Optional(&rate_, "R", "bytes per second, e.g. 500K or 10M; 0 = no limit; default = as configured");
}

absl::Status DaemonLimitRate::Run(Context& context) {
  std::optional<uint64_t> rate;
  if (!rate_.empty() && rate_ != "default") {
    ASSIGN_OR_RETURN(rate, ParseRate(rate_));
  }
  const ConnectOptions to_change = {.check_identity = false, .send_token = false};
  ASSIGN_OR_RETURN(Connection connection, context.connector.Open(rate_.empty() ? kAsItIs : to_change));
  if (!rate_.empty()) {
    ASSIGN_OR_RETURN(const uint64_t effective, connection.client->SetBandwidthLimit(rate));
    connection.status.set_limit_bytes_per_second(effective);
  }
  PrintOverallLimit(context.output, connection.status);
  return absl::OkStatus();
}

}  // namespace batuta::client
