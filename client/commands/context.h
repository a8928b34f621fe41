#pragma once

#include <filesystem>

#include "client/connection/connector.h"
#include "client/output/console.h"
#include "client/output/output.h"
#include "common/config/locations.h"
#include "common/time/clock.h"

namespace batuta::client {

// What a command may use of the world. Everything is borrowed and outlives the command.
struct Context {
  const Environment& environment;
  const Connector& connector;
  Output& output;
  Console& console;
  const Clock& clock;
  const std::filesystem::path& this_program;  // may be empty
};

}  // namespace batuta::client
