#include "tests/unit/client/support/client_run.h"

#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "common/time/clock.h"

namespace batuta::client {

absl::Status StringSink::Write(std::string_view bytes) {
  const MutexLock lock(mutex_);
  text_ += bytes;
  return absl::OkStatus();
}

std::string StringSink::text() const {
  const MutexLock lock(mutex_);
  return text_;
}

FakeConsole::FakeConsole() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) == 0) {
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
  }
}

absl::StatusOr<std::string> FakeConsole::ReadLine() {
  std::string line;
  char byte = 0;
  while (::read(read_end_.get(), &byte, 1) == 1) {
    if (byte == '\n') return line;
    line += byte;
  }
  if (line.empty()) return absl::OutOfRangeError("the input has ended");
  return line;
}

absl::StatusOr<Secret> FakeConsole::ReadSecret(std::string_view) {
  absl::StatusOr<std::string> line = ReadLine();
  if (!line.ok()) return line.status();
  return Secret(*std::move(line));
}

void FakeConsole::Type(std::string_view text) {
  [[maybe_unused]] const ssize_t wrote = ::write(write_end_.get(), text.data(), text.size());
}

ClientRun::ClientRun(std::string folder) : folder_(std::move(folder)) {
  variables = {{"HOME", folder_},        {"BATUTA_SOCKET", socket_path()},
               {"BATUTA_NO_SPAWN", "1"}, {"TERM", "xterm"},
               {"LANG", "C.UTF-8"},      {"PATH", "/usr/bin:/bin"}};
}

RunResult ClientRun::Run(const std::vector<std::string>& words) {
  const SystemClock clock;
  const std::string out_before = data.text();
  const std::string err_before = talk.text();
  const Surroundings surroundings = {
      .environment = [this](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
      },
      .this_program = {},
      .data = data,
      .talk = talk,
      .data_is_terminal = has_terminal,
      .talk_is_terminal = has_terminal,
      .terminal_size = [this] { return size; },
      .console = console,
      .clock = clock,
  };
  RunResult result;
  result.code = RunApplication(words, surroundings);
  result.out = data.text().substr(out_before.size());
  result.err = talk.text().substr(err_before.size());
  return result;
}

}  // namespace batuta::client
