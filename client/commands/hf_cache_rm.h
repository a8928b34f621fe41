#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/commands/cache_target.h"
#include "client/commands/command.h"
#include "client/output/cache_view.h"

// What leaves the cache, and in which order. None of these asks: what is pinned, in use or needed is refused,
// and --dry-run shows the rest before it happens.
namespace batuta::client {

// `batuta hf cache rm`: removes what is named.
class HfCacheRm final : public Command {
 public:
  std::string_view name() const override { return "hf cache rm"; }

  std::string_view summary() const override { return "remove what is named"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  absl::Status Remove(Context& context, DaemonClient& client, std::vector<CacheTarget> targets,
                      Removal& removal) const;

  CacheTargets targets_;
  std::string label_;
  bool force_ = false;
  bool dry_run_ = false;
  bool yes_ = false;  // nothing is asked in any case
};

// `batuta hf cache prune`: removes what nobody misses, and what was used longest ago until enough is free.
class HfCachePrune final : public Command {
 public:
  std::string_view name() const override { return "hf cache prune"; }

  std::string_view summary() const override { return "remove what nobody misses"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::optional<std::chrono::milliseconds> older_than_;
  uint32_t keep_last_ = 0;
  uint64_t free_bytes_ = 0;
  bool dry_run_ = false;
  bool yes_ = false;  // nothing is asked in any case
};

// `batuta hf cache why`: when something would be evicted, or why not.
class HfCacheWhy final : public Command {
 public:
  std::string_view name() const override { return "hf cache why"; }

  std::string_view summary() const override { return "show in which order things would be evicted, and why"; }

  std::string_view examples() const override;

  void DefineFlags(Flags& flags) override { targets_.Define(flags, CacheTargets::Count::kOneOrNone); }

  absl::Status Run(Context& context) override;

 private:
  CacheTargets targets_;
};

}  // namespace batuta::client
