#pragma once

#include <string>
#include <string_view>

#include "client/commands/command.h"

namespace batuta::client {

// `batuta doctor`: looks at all that may stand in the way, here and where the daemon runs, and says what to
// do. Without a daemon batutad looks itself. Exit 1 when something fails.
class Doctor final : public Command {
 public:
  std::string_view name() const override { return "doctor"; }

  std::string_view summary() const override {
    return "look at what may stand in the way, and say what to do";
  }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  bool offline_ = false;
};

}  // namespace batuta::client
