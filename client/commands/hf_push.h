#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "batuta/v1/push_service.pb.h"

#include "client/commands/command.h"
#include "client/commands/repo_arguments.h"
#include "client/connection/signal_watch.h"
#include "client/output/push_report.h"
#include "client/serving/folder_server.h"

namespace batuta::client {

// `batuta hf push`: sends a folder, or one file, to a repo: plans, shows the plan, asks, and does what was
// shown. Where the repo or the folder changed in between it plans anew, shows what is different, and asks
// again; with --yes it agrees to that by itself, a few times.
class HfPush final : public Command {
 public:
  std::string_view name() const override { return "hf push"; }

  std::string_view summary() const override { return "send a folder to a repo, after showing what changes"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  absl::Status CheckFlags() const;
  absl::StatusOr<v1::PushSpec> MakeSpec() const;
  absl::Status Serve(Context& context, const std::string& path);
  v1::PushSpec SpecNow(const PushReport& report) const;
  absl::Status Plan(Context& context, SignalWatch& signals, PushReport& report) const;
  absl::Status Agree(Context& context, SignalWatch& signals) const;
  absl::Status Detach(Context& context, const PushReport& report) const;
  absl::Status Follow(Context& context, SignalWatch& signals, PushReport& report) const;
  absl::Status Push(Context& context, SignalWatch& signals, PushReport& report) const;
  void ShowPlan(Context& context, const PushReport& report) const;
  bool may_ask(const Context& context) const;

  RepoArguments repo_;
  std::string path_;
  std::string message_;
  std::string description_;
  std::string space_sdk_;
  std::string priority_;
  std::vector<std::string> delete_;
  std::vector<std::string> allow_secrets_;
  uint64_t limit_rate_ = 0;  // bytes per second; 0 = none
  bool create_pr_ = false;
  bool private_ = false;
  bool no_card_ = false;
  bool dry_run_ = false;
  bool yes_ = false;
  bool no_wait_ = false;
  bool detach_ = false;
  std::unique_ptr<FolderServer> server_;  // null: the daemon reads the folder itself
};

}  // namespace batuta::client
