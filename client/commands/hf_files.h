#pragma once

#include <string_view>

#include "client/commands/command.h"
#include "client/commands/memory_flags.h"
#include "client/commands/patience.h"
#include "client/commands/repo_arguments.h"

namespace batuta::client {

// `batuta hf files`: the tree of a revision.
class HfFiles final : public Command {
 public:
  std::string_view name() const override { return "hf files"; }

  std::string_view summary() const override { return "list the files of a revision"; }

  std::string_view examples() const override;

  void DefineFlags(Flags& flags) override {
    repo_.Define(flags);
    patience_.Define(flags);
    memory_.Define(flags);
  }

  absl::Status Run(Context& context) override;

 private:
  RepoArguments repo_;
  MemoryFlags memory_;
  Patience patience_;
};

}  // namespace batuta::client
