#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.h"

namespace batuta::client {

// Every command, in the order in which help lists them.
std::vector<std::unique_ptr<Command>> MakeCommands();

// What the first words of a command line mean.
struct CommandMatch {
  Command* command = nullptr;  // when a whole name was found
  std::string group;      // the words that match the beginning of some name, e.g. "hf jobs"; may be empty
  size_t word_count = 0;  // how many words that took
};

// `words` without flags, from the first one after the program's name. Pure.
CommandMatch MatchCommand(const std::vector<std::unique_ptr<Command>>& commands,
                          const std::vector<std::string>& words);

// The words that may follow `group` ("" = the program's name), in the order of the table, without hidden
// ones.
std::vector<std::string> NextWords(const std::vector<std::unique_ptr<Command>>& commands,
                                   std::string_view group);

// The error for a word that no command has at this place; the hint names the nearest, wherever it stands in
// the tree.
absl::Status UnknownCommand(const std::vector<std::unique_ptr<Command>>& commands, std::string_view group,
                            std::string_view word);

}  // namespace batuta::client
