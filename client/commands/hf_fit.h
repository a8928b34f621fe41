#pragma once

#include <string>
#include <string_view>

#include "client/commands/command.h"
#include "client/commands/fit_flags.h"
#include "client/commands/patience.h"
#include "client/commands/repo_arguments.h"

namespace batuta::client {

// `batuta hf fit`: which variant of a model fits this machine, and why. Downloads nothing.
class HfFit final : public Command {
 public:
  std::string_view name() const override { return "hf fit"; }

  std::string_view summary() const override {
    return "show which variant of a model fits this machine, and why";
  }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;

  // kResourceExhausted (NO_VARIANT_FITS)  after what there is was printed.
  absl::Status Run(Context& context) override;

 private:
  RepoArguments repo_{.type = "model", .id = {}, .revision = {}};
  FitFlags fit_;
  bool allow_unknown_ = false;
  bool offline_ = false;
  Patience patience_;
};

}  // namespace batuta::client
