#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "client/commands/cache_target.h"
#include "client/commands/command.h"
#include "client/connection/signal_watch.h"
#include "client/output/live_region.h"
#include "client/output/verify_view.h"

namespace batuta::client {

// `batuta hf cache verify`: reads what is cached and compares it with its names, which are hashes.
class HfCacheVerify final : public Command {
 public:
  std::string_view name() const override { return "hf cache verify"; }

  std::string_view summary() const override { return "read what is cached and find what is damaged"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  absl::StatusOr<v1::VerifyRequest> MakeRequest(const Context& context) const;
  absl::Status Verify(Context& context, SignalWatch& signals, DaemonClient& client,
                      const v1::VerifyRequest& request, VerifyReport& report) const;
  absl::Status FollowRepairs(Context& context, SignalWatch& signals, DaemonClient& client,
                             const google::protobuf::RepeatedPtrField<std::string>& job_ids,
                             VerifyReport& report) const;
  std::string HowToGoOn(WallTime started) const;

  CacheTargets targets_;
  std::string since_;
  uint64_t limit_rate_ = 0;
  bool repair_ = false;
};

}  // namespace batuta::client
