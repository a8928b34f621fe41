#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "client/output/console.h"
#include "client/output/output.h"
#include "common/config/locations.h"
#include "common/time/clock.h"

namespace batuta::client {

// What the program finds around it. Borrowed things outlive the run.
struct Surroundings {
  Environment environment;
  std::filesystem::path this_program;  // where the executable lies; may be empty
  ByteSink& data;                      // stdout
  ByteSink& talk;                      // stderr
  bool data_is_terminal = false;
  bool talk_is_terminal = false;
  std::function<TerminalSize()> terminal_size;
  Console& console;
  const Clock& clock;
};

// Understands the command line, runs the command, tells its error, and returns the exit code. `words` are
// those after the program's name.
int RunApplication(const std::vector<std::string>& words, const Surroundings& surroundings);

// How the outputs may be used, from the environment and the flags. Pure.
OutputOptions ChooseOutput(const Surroundings& surroundings, OutputFormat format, bool events,
                           bool no_progress);

}  // namespace batuta::client
