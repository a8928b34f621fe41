#pragma once

#include <string>
#include <string_view>

#include "client/commands/command.h"
#include "client/commands/repo_arguments.h"

namespace batuta::client {

// `batuta hf cache ls`: what is on disk, whoever put it there.
class HfCacheLs final : public Command {
 public:
  std::string_view name() const override { return "hf cache ls"; }

  std::string_view summary() const override { return "list what is on disk"; }

  std::string_view examples() const override;

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

// `batuta hf cache path`: where the cache, a snapshot or a file of one lies. Makes no request to the hub.
class HfCachePath final : public Command {
 public:
  std::string_view name() const override { return "hf cache path"; }

  std::string_view summary() const override { return "print where the cache or a cached repo lies"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  RepoArguments repo_;
  std::string file_;
};

}  // namespace batuta::client
