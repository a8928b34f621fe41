#pragma once

#include <string_view>

#include "client/commands/command.h"

namespace batuta::client {

// `batuta hf limits`: what is left of the hub's rate limits.
class HfLimits final : public Command {
 public:
  std::string_view name() const override { return "hf limits"; }

  std::string_view summary() const override { return "show what is left of the hub's rate limits"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  static absl::Status Watch(Context& context, DaemonClient& client);
  static absl::Status WatchInPlace(Context& context, DaemonClient& client);

  bool watch_ = false;
};

}  // namespace batuta::client
