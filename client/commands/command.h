#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "client/commands/context.h"
#include "client/commands/flags.h"
#include "client/commands/usage_error.h"

namespace batuta::client {

// Command is one thing that `batuta` can do. Made fresh for each run of the program: flags are written into its members.
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

  // A value of --format that is no output format. Here: an error; a command with file formats takes it.
  virtual absl::Status TakeFormat(const std::string& word);

  // Does it. Data, tables and documents go to context.output; an error is returned, not printed.
  virtual absl::Status Run(Context& context) = 0;
};

}  // namespace batuta::client
