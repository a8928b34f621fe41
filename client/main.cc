#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

#include "client/commands/application.h"

int main(int argc, char** argv) {
  // A closed pipe is an error of the write, not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
  std::error_code error;
  const std::filesystem::path this_program = std::filesystem::read_symlink("/proc/self/exe", error);
  batuta::client::FdSink data(STDOUT_FILENO);
  batuta::client::FdSink talk(STDERR_FILENO);
  batuta::client::TerminalConsole console;
  const batuta::SystemClock clock;
  const batuta::client::Surroundings surroundings = {
      .environment = batuta::ProcessEnvironment(),
      .this_program = this_program,
      .data = data,
      .talk = talk,
      .data_is_terminal = ::isatty(STDOUT_FILENO) == 1,
      .talk_is_terminal = ::isatty(STDERR_FILENO) == 1,
      .terminal_size =
          [] { return batuta::client::SizeOf(::isatty(STDERR_FILENO) == 1 ? STDERR_FILENO : STDOUT_FILENO); },
      .console = console,
      .clock = clock,
  };
  const int code =
      batuta::client::RunApplication(std::vector<std::string>(argv + 1, argv + argc), surroundings);
  // Everything is written; what is left is the libraries' own tidying, which would only take time.
  ::_exit(code);
}
