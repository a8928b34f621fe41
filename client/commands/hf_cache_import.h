#pragma once

#include <string>
#include <string_view>

#include "client/commands/command.h"
#include "client/commands/safety_flags.h"

namespace batuta::client {

// `batuta hf cache import`: an archive that `export` wrote, verified and inspected as it comes in.
class HfCacheImport final : public Command {
 public:
  std::string_view name() const override { return "hf cache import"; }

  std::string_view summary() const override { return "take in an archive from another cache"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string file_;
  SafetyFlags safety_;
};

}  // namespace batuta::client
