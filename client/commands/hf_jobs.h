#pragma once

#include <cstdint>
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

// `batuta hf jobs cancel | pause | resume | priority | limit-rate`: one change made to each of the named
// jobs, or to all that it makes sense for. All are tried; the first error is the command's.
class HfJobsChange final : public Command {
 public:
  enum class Change { kCancel, kPause, kResume, kPriority, kLimitRate };

  explicit HfJobsChange(Change change) : change_(change) {}

  std::string_view name() const override;
  std::string_view summary() const override;
  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  absl::Status TakeValue();
  bool ConcernsAll(const v1::Job& job) const;
  absl::StatusOr<std::vector<std::string>> Targets(DaemonClient& client) const;
  absl::StatusOr<v1::Job> Apply(DaemonClient& client, const std::string& id) const;
  std::string Outcome(const v1::Job& job) const;

  Change change_;
  std::string value_;        // of priority and limit-rate
  uint64_t limit_rate_ = 0;  // bytes per second; 0 = none
  std::vector<std::string> ids_;
  bool all_ = false;
};

}  // namespace batuta::client
