#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/cache_target.h"
#include "client/commands/command.h"
#include "client/connection/daemon_client.h"
#include "common/types/repo_id.h"

namespace batuta::client {

// `batuta hf cache export`: what is cached, as an archive for a machine without network.
class HfCacheExport final : public Command {
 public:
  std::string_view name() const override { return "hf cache export"; }

  std::string_view summary() const override { return "write what is cached into an archive"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  // A commit that is to be written, and stays until all are.
  struct Held {
    RepoId repo;
    std::unique_ptr<HeldLease> lease;
  };

  absl::StatusOr<std::vector<Held>> Hold(DaemonClient& client) const;
  void Report(Context& context, const std::vector<Held>& commits, uint64_t size_bytes) const;

  CacheTargets targets_;
  std::string file_;
};

}  // namespace batuta::client
