#include "client/doctor/shell_checks.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr uint32_t kOthersRead = 044;
constexpr uint32_t kOthersWrite = 022;
constexpr uint32_t kAnybodyWrites = 02;
constexpr uint32_t kSticky = 01000;
constexpr uint32_t kRoot = 0;

Check Ok(std::string_view name, std::string detail, std::string hint = {}) {
  return {std::string(name), CheckStatus::kOk, std::move(detail), std::move(hint)};
}

Check Warn(std::string_view name, std::string detail, std::string hint) {
  return {std::string(name), CheckStatus::kWarn, std::move(detail), std::move(hint)};
}

Check Fail(std::string_view name, std::string detail, std::string hint) {
  return {std::string(name), CheckStatus::kFail, std::move(detail), std::move(hint)};
}

Check JudgeDaemon(const ShellFacts& facts) {
  constexpr std::string_view kName = "daemon.running";
  if (facts.has_daemon) return Ok(kName, fmt::format("batutad {}", Printable(facts.daemon_version)));
  if (facts.is_stranger) {
    return Fail(kName, facts.daemon_trouble,
                "ask whoever runs it, or the administrator to add you to the group batuta; or name another "
                "socket with BATUTA_SOCKET");
  }
  if (facts.program.empty()) {
    return Fail(kName, "none runs, and the program batutad is neither beside batuta nor in PATH",
                "install it, or add its folder to PATH");
  }
  if (!facts.may_spawn) {
    return Warn(kName, "none runs, and BATUTA_NO_SPAWN forbids to start one",
                "start it: batuta daemon start, or systemctl --user start batutad");
  }
  return Ok(kName, "none runs; the next command starts one");
}

Check JudgeVersion(const ShellFacts& facts) {
  constexpr std::string_view kName = "daemon.version";
  const std::string detail =
      fmt::format("daemon {}, client {}", Printable(facts.daemon_version), facts.client_version);
  if (facts.daemon_version == facts.client_version) return Ok(kName, detail);
  return Warn(kName, detail,
              facts.has_daemon ? "after an upgrade: batuta daemon stop; the next command starts the new one"
                               : "install both from the same release");
}

Check JudgeIdentity(const ShellFacts& facts) {
  constexpr std::string_view kName = "daemon.identity";
  if (facts.mismatch.empty()) return Ok(kName, "serves the endpoint and the cache that this shell means");
  return Fail(kName, facts.mismatch, facts.mismatch_hint);
}

Check JudgeProxies(const ShellFacts& facts) {
  constexpr std::string_view kName = "shell.proxy";
  if (facts.daemon_proxies && *facts.daemon_proxies != facts.proxies) {
    return Warn(
        kName, fmt::format("this shell: {}; the daemon: {}", facts.proxies, *facts.daemon_proxies),
        "the daemon keeps the variables that it was started with: batuta daemon stop, and the next command "
        "starts one with these");
  }
  return Ok(kName, facts.proxies);
}

Check JudgeToken(const ShellFacts& facts) {
  constexpr std::string_view kName = "token.present";
  if (!facts.token_trouble.empty()) {
    return Fail(kName, facts.token_trouble, "batuta hf login  stores one that is right");
  }
  if (facts.token_location.empty()) {
    return Ok(kName, "none: public repos only", "batuta hf login  stores one, for private and gated repos");
  }
  return Ok(kName, Printable(facts.token_location));
}

Check JudgeTokenFile(const PathFacts& file, uint32_t uid) {
  constexpr std::string_view kName = "token.file";
  const std::string detail =
      fmt::format("{}: owner uid {}, mode {:04o}", Printable(file.path), file.owner, file.mode);
  if ((file.mode & kOthersWrite) != 0) {
    return Fail(kName, detail, fmt::format("others may replace it: chmod 600 {}", Printable(file.path)));
  }
  if ((file.mode & kOthersRead) != 0) {
    return Warn(kName, detail, fmt::format("others may read it: chmod 600 {}", Printable(file.path)));
  }
  if (file.owner != uid && file.owner != kRoot) {
    return Warn(kName, detail, "it is another user's: make it your own, or set HF_TOKEN_PATH");
  }
  return Ok(kName, detail);
}

Check JudgeSocketFolder(const PathFacts& folder, const ShellFacts& facts) {
  constexpr std::string_view kName = "socket.folder";
  if (!folder.exists) {
    return Ok(kName, fmt::format("{} is made when a daemon starts", Printable(folder.path)));
  }
  const std::string detail =
      fmt::format("{}: owner uid {}, mode {:04o}", Printable(folder.path), folder.owner, folder.mode);
  const bool is_trusted = folder.owner == facts.uid || folder.owner == kRoot || facts.is_system_socket;
  if (!is_trusted) {
    return Fail(kName, detail,
                "another user owns it: set XDG_RUNTIME_DIR, or name a socket with BATUTA_SOCKET");
  }
  if ((folder.mode & kAnybodyWrites) != 0 && (folder.mode & kSticky) == 0) {
    return Fail(kName, detail,
                fmt::format("anybody may put a socket there: chmod o-w {}", Printable(folder.path)));
  }
  return Ok(kName, detail);
}

}  // namespace

std::vector<Check> JudgeShell(const ShellFacts& facts) {
  std::vector<Check> checks;
  checks.push_back(JudgeDaemon(facts));
  if (!facts.daemon_version.empty()) checks.push_back(JudgeVersion(facts));
  if (facts.has_daemon || !facts.mismatch.empty()) checks.push_back(JudgeIdentity(facts));
  if (facts.socket_folder) checks.push_back(JudgeSocketFolder(*facts.socket_folder, facts));
  checks.push_back(JudgeProxies(facts));
  checks.push_back(JudgeToken(facts));
  if (facts.token_file.exists) checks.push_back(JudgeTokenFile(facts.token_file, facts.uid));
  return checks;
}

}  // namespace batuta::client
