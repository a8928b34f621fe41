#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "batuta/v1/inspection.pb.h"

#include "client/commands/command.h"
#include "client/connection/signal_watch.h"
#include "client/output/scan_view.h"

namespace batuta::client {

// `batuta hf scan`: what the files of a folder are, whether loading them is safe, and whether secrets stand
// in them. Asks neither hub nor daemon.
class HfScan final : public Command {
 public:
  std::string_view name() const override { return "hf scan"; }

  std::string_view summary() const override {
    return "look into files: is it safe to load them, are secrets in them?";
  }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  absl::Status CheckFlags(const Context& context) const;
  absl::StatusOr<v1::InspectionSettings> Settings() const;
  absl::Status Scan(Context& context, SignalWatch& signals, ScanReport& report) const;
  absl::Status WriteSarif(Context& context, const ScanReport& report) const;

  bool prints_sarif() const { return !sarif_.empty() && sarif_.back().empty(); }

  // Neither flag: both.
  bool wants_safety() const { return safety_ || !secrets_; }

  bool wants_secrets() const { return secrets_ || !safety_; }

  std::string path_;
  bool safety_ = false;
  bool secrets_ = false;
  bool ignores_comments_ = false;
  std::string rules_file_;
  std::vector<std::string> sarif_;  // the last one counts; "" is stdout
};

}  // namespace batuta::client
