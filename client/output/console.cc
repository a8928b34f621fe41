#include "client/output/console.h"

#include <cerrno>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr size_t kMaxLineBytes = 64 * 1024;

// Keeps what is typed from the screen while it lives.
class EchoOff {
 public:
  EchoOff() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }

  ~EchoOff() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

  bool is_on() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

}  // namespace

TerminalConsole::TerminalConsole()
    : input_is_terminal_(::isatty(STDIN_FILENO) == 1), talk_is_terminal_(::isatty(STDERR_FILENO) == 1) {}

int TerminalConsole::input_fd() const {
  return STDIN_FILENO;
}

absl::StatusOr<std::string> TerminalConsole::ReadLine() {
  std::string line;
  while (line.size() < kMaxLineBytes) {
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "reading the standard input");
    if (got == 0 && line.empty()) return absl::OutOfRangeError("the standard input has ended");
    if (got == 0 || byte == '\n') break;
    line += byte;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

absl::StatusOr<Secret> TerminalConsole::ReadSecret(std::string_view prompt) {
  const EchoOff silence;
  if (!silence.is_on()) return absl::FailedPreconditionError("the terminal cannot hide what is typed");
  FdSink(STDERR_FILENO).Write(prompt).IgnoreError();
  ASSIGN_OR_RETURN(std::string line, ReadLine());
  return Secret(std::move(line));
}

TerminalSize SizeOf(int fd) {
  TerminalSize size;
  winsize window{};
  if (::ioctl(fd, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.columns = window.ws_col;
  if (window.ws_row > 0) size.rows = window.ws_row;
  return size;
}

absl::StatusOr<size_t> AskChoice(Output& output, Console& console, std::string_view question,
                                 const std::vector<std::string>& answers) {
  output.Warn(question);
  for (size_t i = 0; i < answers.size(); ++i)
    output.Warn(fmt::format("  {:2}) {}", i + 1, Printable(answers[i])));
  while (true) {
    output.TalkRaw(fmt::format("Number (1-{}): ", answers.size()));
    ASSIGN_OR_RETURN(const std::string line, console.ReadLine());
    size_t number = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    const bool is_number = error == std::errc() && end == line.data() + line.size();
    if (is_number && number >= 1 && number <= answers.size()) return number - 1;
  }
}

}  // namespace batuta::client
