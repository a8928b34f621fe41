#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "client/commands/command.h"

namespace batuta::client {

// `batuta hf jobs ls`: the caller's jobs.
class HfJobsLs final : public Command {
 public:
  std::string_view name() const override { return "hf jobs ls"; }

  std::string_view summary() const override { return "list your jobs, newest first"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  bool active_ = false;
};

// `batuta hf jobs watch`: stays with a job until it ends; the exit code tells how it ended, as with `hf
// pull`.
class HfJobsWatch final : public Command {
 public:
  std::string_view name() const override { return "hf jobs watch"; }

  std::string_view summary() const override { return "follow a job until it ends"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string id_;
};

// `batuta hf jobs cancel | pause | resume`: one change made to each of the named jobs. All are tried; the
// first error is the command's.
class HfJobsChange final : public Command {
 public:
  enum class Change { kCancel, kPause, kResume };

  explicit HfJobsChange(Change change) : change_(change) {}

  std::string_view name() const override;
  std::string_view summary() const override;
  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  absl::StatusOr<v1::Job> Apply(DaemonClient& client, const std::string& id) const;

  Change change_;
  std::vector<std::string> ids_;
};

}  // namespace batuta::client
