#include "client/commands/doctor.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "client/connection/daemon_check.h"
#include "client/connection/daemon_process.h"
#include "client/doctor/shell_checks.h"
#include "client/output/doctor_view.h"
#include "common/config/hub_token.h"
#include "common/config/proxies.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {

// What the side of the daemon found, and who looked.
struct DaemonSide {
  std::string version;
  std::vector<Check> checks;
};

PathFacts LookAt(const std::filesystem::path& path) {
  PathFacts facts{.path = path.string()};

  struct stat info {};

  if (stat(path.c_str(), &info) != 0) return facts;
  facts.exists = true;
  facts.owner = info.st_uid;
  facts.mode = info.st_mode & (S_ISVTX | S_IRWXU | S_IRWXG | S_IRWXO);
  return facts;
}

CheckStatus StatusOf(v1::CheckStatus status) {
  switch (status) {
    case v1::CHECK_STATUS_OK:
      return CheckStatus::kOk;
    case v1::CHECK_STATUS_WARN:
      return CheckStatus::kWarn;
    default:
      return CheckStatus::kFail;
  }
}

std::vector<Check> ChecksOf(const v1::DiagnoseResponse& response) {
  std::vector<Check> checks;
  for (const v1::Check& check : response.checks()) {
    checks.push_back({check.name(), StatusOf(check.status()), check.detail(), check.hint()});
  }
  return checks;
}

// The document of `batutad --check`.
absl::StatusOr<DaemonSide> Read(const std::string& text) {
  try {
    const nlohmann::json document = nlohmann::json::parse(text);
    DaemonSide side{.version = document.at("version").get<std::string>(), .checks = {}};
    for (const nlohmann::json& check : document.at("checks")) {
      const std::string status = check.at("status").get<std::string>();
      side.checks.push_back({.name = check.at("name").get<std::string>(),
                             .status = status == "ok"     ? CheckStatus::kOk
                                       : status == "warn" ? CheckStatus::kWarn
                                                          : CheckStatus::kFail,
                             .detail = check.at("detail").get<std::string>(),
                             .hint = check.at("hint").get<std::string>()});
    }
    return side;
  } catch (const nlohmann::json::exception&) {
    return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
                     "batutad --check: what it printed cannot be understood",
                     "is it of the same release as this client?");
  }
}

void FindToken(const Environment& environment, ShellFacts& facts) {
  const absl::StatusOr<HubToken> token = FindHubToken(environment);
  if (token.ok()) {
    facts.token_location = token->location;
  } else {
    facts.token_trouble = MessageOf(token.status());
  }
  if (const auto file = HubTokenFile(environment); file.ok()) facts.token_file = LookAt(*file);
}

// The daemon that answers, or batutad in its place.
absl::StatusOr<DaemonSide> AskDaemonSide(Context& context, bool without_network, ShellFacts& facts) {
  const absl::StatusOr<Connection> connection =
      context.connector.Open({.may_spawn = false, .check_identity = false, .send_token = false});
  if (connection.ok()) {
    facts.has_daemon = true;
    facts.daemon_version = connection->status.version();
    facts.socket_folder = LookAt(std::filesystem::path(connection->status.socket_path()).parent_path());
    facts.is_system_socket = connection->status.mode() == "system";
    const absl::Status identity = CheckIdentity(context.environment, connection->status);
    facts.mismatch = MessageOf(identity);
    facts.mismatch_hint = HintOf(identity);
    ASSIGN_OR_RETURN(const v1::DiagnoseResponse response, connection->client->Diagnose(without_network));
    return DaemonSide{.version = facts.daemon_version, .checks = ChecksOf(response)};
  }
  facts.daemon_trouble = MessageOf(connection.status());
  facts.is_stranger = ReasonOf(connection.status()) != reason::kDaemonUnreachable ||
                      DetailsOf(connection.status()).facts.contains("stranger");
  if (const auto socket = SocketPath(context.environment); socket.ok()) {
    facts.socket_folder = LookAt(socket->parent_path());
  }
  ASSIGN_OR_RETURN(const std::filesystem::path program,
                   FindDaemonProgram(context.environment, context.this_program));
  facts.program = program.string();
  ASSIGN_OR_RETURN(const std::string text, RunDaemonCheck(program, without_network));
  ASSIGN_OR_RETURN(DaemonSide side, Read(text));
  facts.daemon_version = side.version;
  return side;
}

}  // namespace

std::string_view Doctor::examples() const {
  return "batuta doctor\n"
         "batuta doctor --offline  nobody is called\n"
         "batuta doctor --format json\n";
}

void Doctor::DefineFlags(Flags& flags) {
  flags.Switch(&offline_, "--offline", "look at this machine alone: nobody is called");
}

absl::Status Doctor::Run(Context& context) {
  ShellFacts facts{.client_version = BATUTA_VERSION, .uid = getuid()};
  facts.may_spawn = !IsTrue(context.environment("BATUTA_NO_SPAWN"));
  facts.proxies = Describe(ReadProxies(context.environment));
  FindToken(context.environment, facts);
  const bool without_network = offline_ || IsOffline(context.environment);
  const absl::StatusOr<DaemonSide> side = AskDaemonSide(context, without_network, facts);
  if (facts.has_daemon && side.ok()) {
    const auto proxy = std::ranges::find(side->checks, "network.proxy", &Check::name);
    if (proxy != side->checks.end()) facts.daemon_proxies = proxy->detail;
  }
  std::vector<Check> checks = JudgeShell(facts);
  if (side.ok()) {
    checks.insert(checks.end(), side->checks.begin(), side->checks.end());
  } else if (facts.has_daemon || !facts.program.empty()) {
    checks.push_back(Check{.name = "daemon.diagnosis",
                           .status = CheckStatus::kFail,
                           .detail = std::string(MessageOf(side.status())),
                           .hint = HintOf(side.status())});
  }
  PrintDoctor(context.output, checks);
  const auto failed = std::ranges::count(checks, CheckStatus::kFail, &Check::status);
  if (failed == 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, {},
                   fmt::format("{} of {} checks failed", failed, checks.size()),
                   "each says what to do about it");
}

}  // namespace batuta::client
