#pragma once

#include <string>
#include <string_view>

#include "client/commands/cache_target.h"
#include "client/commands/command.h"

namespace batuta::client {

// `batuta hf cache pin`: keeps something for ever, with a reason.
class HfCachePin final : public Command {
 public:
  std::string_view name() const override { return "hf cache pin"; }

  std::string_view summary() const override { return "keep something for ever"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  CacheTargets targets_;
  std::string reason_;
};

// `batuta hf cache unpin`: lets it go when its turn comes.
class HfCacheUnpin final : public Command {
 public:
  std::string_view name() const override { return "hf cache unpin"; }

  std::string_view summary() const override { return "undo a pin"; }

  std::string_view examples() const override;

  void DefineFlags(Flags& flags) override { targets_.Define(flags, CacheTargets::Count::kOne); }

  absl::Status Run(Context& context) override;

 private:
  CacheTargets targets_;
};

}  // namespace batuta::client
