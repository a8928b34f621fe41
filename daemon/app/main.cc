#include <csignal>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/app/daemon.h"
#include "daemon/app/options.h"

namespace batuta::app {

namespace {

constexpr int kFailed = 1;

// Tells people why the daemon does not run; the exit code follows the table of the client.
int Report(const absl::Status& status) {
  std::cerr << fmt::format("batutad: {}\n", MessageOf(status));
  if (const std::string hint = HintOf(status); !hint.empty()) std::cerr << fmt::format("  {}\n", hint);
  constexpr int kUsage = 2;
  constexpr int kNoDaemon = 3;
  if (ReasonOf(status) == reason::kConfigInvalid) return kUsage;
  return ReasonOf(status) == reason::kDaemonBusy ? kNoDaemon : kFailed;
}

void PrintConfig(const Options& options) {
  for (const service::ConfigEntry& entry : options.entries) {
    std::cout << fmt::format("{} = {}  # {}\n", entry.key, nlohmann::json(entry.value).dump(), entry.origin);
  }
}

// The signals that end the daemon are blocked in every thread and taken here one by one.
sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  return signals;
}

int Main(int argc, char** argv) {
  const CommandLine command_line = ParseCommandLine(argc, argv);
  if (command_line.is_done) return command_line.exit_code;
  absl::StatusOr<Options> options = ResolveOptions(command_line, ProcessEnvironment());
  if (!options.ok()) return Report(options.status());
  if (command_line.print_config) return PrintConfig(*options), 0;

  // A core dump would hold tokens.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  InitLogging(options->log_level, options->log_for_journal);

  const pid_t self = getpid();
  absl::StatusOr<std::unique_ptr<Daemon>> daemon =
      Daemon::Start(*std::move(options), [self] { kill(self, SIGUSR1); });
  if (!daemon.ok()) return Report(daemon.status());
  int signal = 0;
  while (sigwait(&signals, &signal) != 0 || signal == SIGHUP) {
    LogInfo("signal ignored", Field("signal", signal));
  }
  LogInfo("daemon stopping", Field("signal", signal));
  (*daemon)->Stop();
  LogInfo("daemon stopped");
  return 0;
}

}  // namespace

}  // namespace batuta::app

int main(int argc, char** argv) {
  return batuta::app::Main(argc, argv);
}
