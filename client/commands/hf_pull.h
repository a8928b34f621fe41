#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "batuta/v1/job_service.pb.h"

#include "client/commands/command.h"
#include "client/commands/fit_flags.h"
#include "client/commands/memory_flags.h"
#include "client/commands/repo_arguments.h"
#include "client/commands/safety_flags.h"
#include "client/connection/signal_watch.h"
#include "client/output/pull_report.h"

namespace batuta::client {

// `batuta hf pull`: downloads a repo, or part of it, into the cache, and prints where it lies.
//
// `--format` means two things in the contract of the command line, and both hold: human, json and quiet
// choose how this program speaks, safetensors, gguf, onnx, pytorch and all choose the weights. The words do
// not overlap, so each value tells what it is and the flag may be given twice.
class HfPull final : public Command {
 public:
  std::string_view name() const override { return "hf pull"; }

  std::string_view summary() const override { return "download a repo into the cache and print its path"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  std::vector<std::string> own_formats() const override;

  void TakeFormat(const std::string& word) override { weight_format_ = word; }

  absl::Status Run(Context& context) override;

 private:
  absl::StatusOr<v1::PullSpec> MakeSpec(const Context& context) const;
  absl::Status CheckFlags() const;
  absl::Status Plan(Context& context, const v1::PullSpec& spec) const;
  absl::Status Detach(Context& context, const v1::PullSpec& spec) const;
  absl::Status Follow(Context& context, SignalWatch& signals, const v1::PullSpec& spec) const;
  absl::Status FollowWithQuestions(Context& context, v1::PullSpec spec) const;
  absl::Status WriteOutput(Context& context, PullReport& report) const;
  absl::Status CheckLockFlags() const;
  absl::Status CheckFitFlags() const;
  absl::StatusOr<v1::FitSpec> MakeFit(const Context& context) const;
  absl::Status AskForVariant(Context& context, const absl::Status& question, v1::PullSpec& spec) const;
  absl::Status ReadLock(v1::PullSpec& spec) const;
  absl::Status WriteLock(Context& context, const v1::PullSpec& spec, const PullReport& report) const;
  bool keeps_files(const Context& context) const;
  bool may_ask(const Context& context) const;

  RepoArguments repo_;
  std::vector<std::string> files_;
  std::vector<std::string> include_;
  std::vector<std::string> exclude_;
  std::string quantization_;
  bool auto_quantize_ = false;
  FitFlags fit_;
  std::string device_;  // "auto", "cpu", "gpu"; "" = not given
  std::string weight_format_;
  SafetyFlags safety_;
  std::string output_;
  std::string priority_;
  std::string lock_;         // file to write
  std::string locked_;       // file to obey
  uint64_t limit_rate_ = 0;  // bytes per second; 0 = none
  bool dry_run_ = false;
  bool yes_ = false;
  bool accept_replaced_ = false;
  MemoryFlags memory_;
  bool no_wait_ = false;
  bool detach_ = false;
  bool hard_link_ = false;
};

}  // namespace batuta::client
