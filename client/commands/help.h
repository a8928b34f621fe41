#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.h"
#include "client/commands/flags.h"

namespace batuta::client {

// Help of one command: examples first, then usage, arguments and flags. Pure.
std::string CommandHelp(const Command& command, const Flags& flags);

// Help of the program (`group` empty) or of one of its groups: examples first, then the commands. Pure.
std::string GroupHelp(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group);

}  // namespace batuta::client
