#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.h"
#include "client/commands/flags.h"
#include "common/text/man_page.h"

namespace batuta::client {

// What the program is for, in a sentence.
inline constexpr std::string_view kProgramPurpose =
    "batuta downloads models, datasets and spaces of the Hugging Face Hub into the cache that every tool "
    "shares.";

// The variables of the environment that count for every command, and what its exit codes mean.
std::span<const Term> Variables();
std::span<const Term> ExitCodes();

// Examples of the program (`group` empty), or the first one of each command of a group; one a line.
std::string GroupExamples(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group);

// The summary of the command `name`; of a group the words that may follow it.
std::string SummaryOf(const std::vector<std::unique_ptr<Command>>& commands, std::string_view name);

// Help of one command: examples first, then usage, arguments and flags. Pure.
std::string CommandHelp(const Command& command, const Flags& flags);

// Help of the program (`group` empty) or of one of its groups: examples first, then the commands. Pure.
std::string GroupHelp(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group);

}  // namespace batuta::client
