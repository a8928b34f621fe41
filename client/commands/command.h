#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "client/commands/context.h"
#include "client/commands/flags.h"
#include "client/commands/usage_error.h"

namespace batuta::client {

// Command is one thing that `batuta` can do. Made fresh for each run of the program: flags are written into
// its members.
class Command {
 public:
  virtual ~Command() = default;

  // The words after `batuta`: "hf pull".
  virtual std::string_view name() const = 0;

  // One line for the list of commands: what it does, beginning with a verb in lower case.
  virtual std::string_view summary() const = 0;

  // Command lines that show it in use, one a line; what follows two blanks explains.
  virtual std::string_view examples() const = 0;

  // Not listed in help.
  virtual bool is_hidden() const { return false; }

  // Declares arguments and flags; the targets are members.
  virtual void DefineFlags(Flags& flags) = 0;

  // Values of --format that choose something else than how this program speaks, and how the command hears of
  // one.
  virtual std::vector<std::string> own_formats() const { return {}; }

  virtual void TakeFormat(const std::string&) {}

  // Does it. Data, tables and documents go to context.output; an error is returned, not printed.
  virtual absl::Status Run(Context& context) = 0;
};

}  // namespace batuta::client
