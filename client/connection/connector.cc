#include "client/connection/connector.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <grpc/support/log.h>

#include "client/connection/daemon_process.h"
#include "common/config/hub_token.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kStartLimit{20'000};  // a busy machine; whoever dies earlier is noticed at once
constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{50};
constexpr milliseconds kRestartPause{500};
constexpr int kBusyExitCode = 3;  // batutad: another one holds the state folder for this socket

constexpr std::string_view kStartHint = "start it: batuta daemon start (or run batutad)";

bool IsSet(const Environment& environment, std::string_view name) {
  return !environment(name).value_or("").empty();
}

std::string CanonicalPath(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(path, error);
  std::string text = error ? path.lexically_normal().native() : canonical.native();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

absl::Status Mismatch(std::string_view what, std::string_view daemons, std::string_view callers,
                      std::string_view variable) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, reason::kDaemonMismatch,
      fmt::format("the running daemon serves the {} {}, but {} names {}", what, Quoted(daemons), variable,
                  Quoted(callers)),
      fmt::format(
          "unset {}; or stop that daemon (batuta daemon stop) so that the next call starts one with your "
          "settings; or give yours its own socket with BATUTA_SOCKET",
          variable));
}

absl::StatusOr<Connection> Greet(UniqueFd socket, const CallIdentity& identity) {
  Connection connection;
  connection.client = std::make_unique<DaemonClient>(std::move(socket), identity);
  ASSIGN_OR_RETURN(connection.status, connection.client->GetStatus());
  return connection;
}

bool IsUnreachable(const absl::Status& status) {
  return ReasonOf(status) == reason::kDaemonUnreachable;
}

bool IsStranger(const absl::Status& status) {
  return DetailsOf(status).facts.contains("stranger");
}

absl::Status NoDaemon(std::string_view why, std::string_view hint) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
                   fmt::format("no daemon answers: {}", why), hint);
}

absl::Status StartFailed(std::string_view how, const DaemonProcess& process) {
  std::string message = fmt::format("the daemon was started and {}", how);
  const DaemonProcess::LastWords last = process.Last();
  if (!last.line.empty()) message += fmt::format(": {}", last.line);
  std::string hint = fmt::format("its log is {}", Printable(process.log_path().native()));
  if (!last.hint.empty()) hint = fmt::format("{}; {}", last.hint, hint);
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable, message, hint);
}

}  // namespace

absl::Status CheckIdentity(const Environment& environment, const v1::GetStatusResponse& daemon) {
  if (IsSet(environment, "HF_ENDPOINT")) {
    ASSIGN_OR_RETURN(const std::string endpoint, Endpoint(environment));
    const absl::StatusOr<std::string> theirs = NormaliseEndpoint(daemon.endpoint(), "the daemon's endpoint");
    if (endpoint != (theirs.ok() ? *theirs : daemon.endpoint())) {
      return Mismatch("endpoint", daemon.endpoint(), endpoint, "HF_ENDPOINT");
    }
  }
  for (const std::string_view variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"}) {
    if (!IsSet(environment, variable)) continue;
    ASSIGN_OR_RETURN(const std::filesystem::path cache, CacheDir(environment));
    if (CanonicalPath(cache) == CanonicalPath(daemon.cache_path())) return absl::OkStatus();
    return Mismatch("cache", daemon.cache_path(), cache.native(), variable);
  }
  return absl::OkStatus();
}

absl::StatusOr<Connection> Connector::Open(const ConnectOptions& options) const {
  // It would stand between the lines of the command, on a busy machine for example. Who wants it says so.
  if (!IsSet(options_.environment, "GRPC_VERBOSITY")) gpr_set_log_function([](gpr_log_func_args*) {});
  CallIdentity identity;
  identity.tool = options_.tool;
  identity.patience = options.patience;
  if (options.token) {
    identity.token = *options.token;
  } else if (options.send_token) {
    ASSIGN_OR_RETURN(HubToken found, FindHubToken(options_.environment));
    identity.token = std::move(found.token);
  }
  ASSIGN_OR_RETURN(const SocketSearch search, PlanSocketSearch(options_.environment, options_.socket_flag));
  absl::StatusOr<Connection> connection = OpenExisting(search, identity);
  if (!connection.ok()) {
    if (!IsUnreachable(connection.status()) || IsStranger(connection.status())) return connection.status();
    if (!options.may_spawn || IsTrue(options_.environment("BATUTA_NO_SPAWN"))) return connection.status();
    connection = Spawn(search, identity);
    RETURN_IF_ERROR(connection.status());
  }
  if (options.check_identity) RETURN_IF_ERROR(CheckIdentity(options_.environment, connection->status));
  return connection;
}

absl::StatusOr<Connection> Connector::OpenExisting(const SocketSearch& search,
                                                   const CallIdentity& identity) const {
  std::string why;
  std::string hint(kStartHint);
  for (const SocketSearch::Place& place : search.places) {
    absl::StatusOr<UniqueFd> socket = ConnectTo(place);
    absl::Status status = socket.status();
    if (socket.ok()) {
      absl::StatusOr<Connection> connection = Greet(*std::move(socket), identity);
      if (connection.ok() || !IsUnreachable(connection.status())) return connection;
      status = Annotate(connection.status(), fmt::format("socket {}", Quoted(place.address.path())));
    } else if (IsStranger(status) || (!IsUnreachable(status) && (search.is_explicit || !place.is_system))) {
      // A system daemon that this user may not use is no daemon to them; all else is told.
      return status;
    }
    // One that runs and is not for this user: he may want to be let in.
    if (absl::IsPermissionDenied(status)) hint = fmt::format("{}; {}", DetailsOf(status).hint, kStartHint);
    why += fmt::format("{}{}", why.empty() ? "" : "; ", MessageOf(status));
  }
  return NoDaemon(why, hint);
}

absl::StatusOr<Connection> Connector::Spawn(const SocketSearch& search, const CallIdentity& identity) const {
  if (!search.spawn_at) return search.user_place;
  ASSIGN_OR_RETURN(const std::filesystem::path program,
                   FindDaemonProgram(options_.environment, options_.this_program));
  ASSIGN_OR_RETURN(DaemonProcess process,
                   DaemonProcess::Start(options_.environment, program, *search.spawn_at));
  const SocketSearch::Place place{*search.spawn_at, false};
  const SteadyClock::time_point deadline = SteadyClock::now() + kStartLimit;
  milliseconds pause = kFirstPause;
  SteadyClock::time_point next_start = SteadyClock::now() + kRestartPause;
  while (SteadyClock::now() < deadline) {
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
    absl::StatusOr<UniqueFd> socket = ConnectTo(place);
    if (socket.ok()) {
      absl::StatusOr<Connection> connection = Greet(*std::move(socket), identity);
      if (connection.ok() || !IsUnreachable(connection.status())) return connection;
    } else if (!IsUnreachable(socket.status()) || IsStranger(socket.status())) {
      return socket.status();
    }
    const std::optional<DaemonProcess::Ending> ending = process.Ended();
    if (!ending) continue;
    if (ending->exit_code != kBusyExitCode) return StartFailed(ending->how, process);
    // Another daemon holds the state folder: one that another client started just now, which will listen
    // soon, or one that is leaving, which makes room soon.
    if (SteadyClock::now() < next_start) continue;
    next_start = SteadyClock::now() + kRestartPause;
    ASSIGN_OR_RETURN(process, DaemonProcess::Start(options_.environment, program, *search.spawn_at));
  }
  return StartFailed(fmt::format("does not listen after {}", FormatDuration(kStartLimit)), process);
}

}  // namespace batuta::client
