#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/app/daemon.h"
#include "daemon/app/instruments.h"
#include "daemon/app/options.h"
#include "daemon/app/service_manager.h"
#include "daemon/app/version.h"
#include "daemon/doctor/judge.h"
#include "daemon/transport/curl_transport.h"

namespace batuta::app {

namespace {

constexpr int kFailed = 1;
constexpr unsigned kStopSeconds = 60;
constexpr rlim_t kWantedFiles = 65'536;

// Tells people why the daemon does not run; the exit code follows the table of the client.
int Report(const absl::Status& status) {
  std::cerr << fmt::format("batutad: {}\n", MessageOf(status));
  if (const std::string hint = HintOf(status); !hint.empty()) std::cerr << fmt::format("  {}\n", hint);
  constexpr int kUsage = 2;
  constexpr int kNoDaemon = 3;
  if (ReasonOf(status) == reason::kConfigInvalid) return kUsage;
  // Who waits for a daemon at this socket waits in vain when the other one listens elsewhere.
  const bool is_elsewhere = DetailsOf(status).facts.contains("elsewhere");
  return ReasonOf(status) == reason::kDaemonBusy && !is_elsewhere ? kNoDaemon : kFailed;
}

// As TOML writes it. Bytes that are not UTF-8 become U+FFFD: no exception, whatever the environment holds.
std::string InQuotes(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void PrintConfig(const Options& options) {
  for (const service::ConfigEntry& entry : options.entries) {
    std::cout << fmt::format("{} = {}  # {}\n", entry.key, InQuotes(entry.value), Printable(entry.origin));
  }
}

std::string_view ToString(CheckStatus status) {
  return status == CheckStatus::kOk ? "ok" : status == CheckStatus::kWarn ? "warn" : "fail";
}

// {"version":…,"checks":[{"name","status","detail","hint"}]}
int PrintChecks(const Options& options, bool without_network) {
  const absl::StatusOr<std::unique_ptr<transport::CurlTransport>> network =
      transport::CurlTransport::Start(options.curl);
  if (!network.ok()) return Report(network.status());
  const doctor::Facts facts =
      doctor::LookAt(SubjectOf(options, getuid()), **network, SystemClock(), without_network);
  (*network)->Stop();
  nlohmann::json checks = nlohmann::json::array();
  for (const Check& check : doctor::Judge(facts)) {
    checks.push_back({{"name", check.name},
                      {"status", ToString(check.status)},
                      {"detail", check.detail},
                      {"hint", check.hint}});
  }
  const nlohmann::json document = {{"version", kVersion}, {"checks", std::move(checks)}};
  std::cout << document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  return 0;
}

// The signals that end the daemon are blocked in every thread and taken here one by one.
sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  return signals;
}

// A connection takes two descriptors, a download a few more; shells hand out 1,024.
void RaiseFileLimit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  const rlim_t wanted = std::min(files.rlim_max, kWantedFiles);
  if (files.rlim_cur >= wanted) return;
  files.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &files);
}

// Async-signal-safe.
void EndAtOnce(int /*signal*/) {
  constexpr char kText[] =
      "batutad: ended before everything was closed; the next start goes on from the journal\n";
  if (write(STDERR_FILENO, kText, sizeof(kText) - 1) < 0) _exit(kFailed);
  _exit(kFailed);
}

// A stop that hangs (a dead disk) ends all the same, and so does one that a person at a terminal is tired of.
// Another SIGTERM changes nothing: service managers send it after a stop by RPC.
void LimitStop() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGALRM, SIGINT}) {
    sigaddset(&signals, signal);
    std::signal(signal, EndAtOnce);
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  alarm(kStopSeconds);
}

// A configuration that cannot be used changes nothing.
void Reload(const CommandLine& command_line, Daemon& daemon, ServiceManager& manager) {
  manager.Reloading();
  absl::StatusOr<Options> options = ResolveOptions(command_line, ProcessEnvironment());
  if (options.ok()) {
    daemon.Reconfigure(*std::move(options));
  } else {
    LogError("configuration not reloaded: the daemon goes on with the old one",
             Field("error", std::string(MessageOf(options.status()))));
  }
  manager.Ready();
}

int Main(int argc, char** argv) {
  const CommandLine command_line = ParseCommandLine(argc, argv);
  if (command_line.is_done) return command_line.exit_code;
  absl::StatusOr<Options> options = ResolveOptions(command_line, ProcessEnvironment());
  if (!options.ok()) return Report(options.status());
  if (command_line.print_config) return PrintConfig(*options), 0;
  if (command_line.check) return PrintChecks(*options, command_line.without_network);

  // A core dump would hold tokens.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  RaiseFileLimit();
  InitLogging(options->log_level, options->log_for_journal);

  // What a system daemon writes is for its group to read, once the folder of the repo lets it in.
  if (options->mode == Mode::kSystem) umask(S_IWGRP | S_IRWXO);

  ServiceManager manager;
  const pid_t self = getpid();
  absl::StatusOr<std::unique_ptr<Daemon>> daemon =
      Daemon::Start(*std::move(options), manager, [self] { kill(self, SIGUSR1); });
  if (!daemon.ok()) return Report(daemon.status());
  manager.Ready();
  int signal = 0;
  while (sigwait(&signals, &signal) != 0 || signal == SIGHUP) {
    if (signal == SIGHUP) Reload(command_line, **daemon, manager);
  }
  manager.Stopping();
  LogInfo("daemon stopping", Field("signal", signal));
  LimitStop();
  (*daemon)->Stop();
  LogInfo("daemon stopped");
  return 0;
}

}  // namespace

}  // namespace batuta::app

int main(int argc, char** argv) {
  return batuta::app::Main(argc, argv);
}
