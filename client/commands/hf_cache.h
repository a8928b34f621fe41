#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.h"
#include "client/commands/repo_arguments.h"

namespace batuta::client {

// `batuta hf cache ls`: what is on disk, whoever put it there.
class HfCacheLs final : public Command {
 public:
  std::string_view name() const override { return "hf cache ls"; }

  std::string_view summary() const override { return "list what is on disk"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::vector<std::string> filters_;
  std::string sort_;
  uint32_t limit_ = 0;
  bool of_selections_ = false;
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

// `batuta hf cache df`: how full the cache is.
class HfCacheDf final : public Command {
 public:
  std::string_view name() const override { return "hf cache df"; }

  std::string_view summary() const override { return "show how full the cache is"; }

  std::string_view examples() const override { return "batuta hf cache df\n"; }

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

// `batuta hf cache rescan`: what is known of the cache is made anew from what is on disk.
class HfCacheRescan final : public Command {
 public:
  std::string_view name() const override { return "hf cache rescan"; }

  std::string_view summary() const override { return "survey the disk again, whatever the index says"; }

  std::string_view examples() const override { return "batuta hf cache rescan\n"; }

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

}  // namespace batuta::client
