#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/flags.h"
#include "client/output/output.h"

namespace batuta::client {

// The flags that every command takes.
struct GlobalFlags {
  std::vector<std::string>
      formats;  // values of --format, in their order: also those that only the command understands
  std::string socket;
  bool events = false;
  bool no_progress = false;
  bool help = false;

  // `own_formats`: what --format also takes, see Command::own_formats().
  void Define(Flags& flags, const std::vector<std::string>& own_formats);
};

// The output format that `word` names, if it is one.
std::optional<OutputFormat> OutputFormatOf(std::string_view word);

// How errors must look when the command line itself cannot be understood: looks for --format and --events
// word by word. Pure.
OutputFormat GuessFormat(const std::vector<std::string>& words);

// The words that are no flags, in their order, from the beginning up to `--`; values of the flags every
// command takes are left out. So `batuta --format json hf jobs ls` finds its command. Pure.
std::vector<std::string> PlainWords(const std::vector<std::string>& words);

}  // namespace batuta::client
