#pragma once

#include <string>
#include <string_view>

#include "client/commands/command.h"

namespace batuta::client {

// `batuta daemon start`: makes sure that a daemon runs.
class DaemonStart final : public Command {
 public:
  std::string_view name() const override { return "daemon start"; }

  std::string_view summary() const override { return "start the daemon unless one runs"; }

  std::string_view examples() const override;

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

// `batuta daemon stop`: asks the daemon to leave and waits until it has. None running is fine.
class DaemonStop final : public Command {
 public:
  std::string_view name() const override { return "daemon stop"; }

  std::string_view summary() const override { return "stop the daemon; its jobs go on at the next start"; }

  std::string_view examples() const override;

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

// `batuta daemon status`: who runs, where. Never starts one: exit 3 when none runs.
class DaemonStatus final : public Command {
 public:
  std::string_view name() const override { return "daemon status"; }

  std::string_view summary() const override { return "show the running daemon"; }

  std::string_view examples() const override;

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

// `batuta daemon metrics`: what it counts and measures, in the text form of Prometheus.
class DaemonMetrics final : public Command {
 public:
  std::string_view name() const override { return "daemon metrics"; }

  std::string_view summary() const override {
    return "show what the daemon counts, in the form of Prometheus";
  }

  std::string_view examples() const override;

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

// `batuta daemon log-level [LEVEL]`: what it logs, shown or changed until it ends.
class DaemonLogLevel final : public Command {
 public:
  std::string_view name() const override { return "daemon log-level"; }

  std::string_view summary() const override { return "show or set what the daemon logs, until it ends"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string level_;
};

// `batuta daemon config`: its effective configuration and where each value comes from.
class DaemonConfig final : public Command {
 public:
  std::string_view name() const override { return "daemon config"; }

  std::string_view summary() const override { return "show the daemon's effective configuration"; }

  std::string_view examples() const override;

  void DefineFlags(Flags&) override {}

  absl::Status Run(Context& context) override;
};

// `batuta daemon limit-rate [R]`: the bandwidth of all jobs together, shown or changed. It outlives the
// daemon.
class DaemonLimitRate final : public Command {
 public:
  std::string_view name() const override { return "daemon limit-rate"; }

  std::string_view summary() const override { return "show or set the bandwidth limit of all jobs together"; }

  std::string_view examples() const override;
  void DefineFlags(Flags& flags) override;
  absl::Status Run(Context& context) override;

 private:
  std::string rate_;
};

}  // namespace batuta::client
