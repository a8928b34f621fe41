#pragma once

#include <string>
#include <string_view>

#include "client/commands/command.h"

namespace batuta::client {

// `batuta hf card`: the card that a push of a model folder would bring along. Neither asks the hub nor writes
// anything.
class HfCard final : public Command {
 public:
  std::string_view name() const override { return "hf card"; }

  std::string_view summary() const override { return "show the model card that a push would bring along"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string path_;
  std::string repo_;
  bool shows_diff_ = false;
};

}  // namespace batuta::client
