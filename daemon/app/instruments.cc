#include "daemon/app/instruments.h"

#include <optional>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/budget/window.h"
#include "daemon/metrics/port_address.h"
#include "daemon/service/metrics_report.h"
#include "daemon/transport/metered_transport.h"

namespace batuta::app {

Instruments::Instruments() : operations_{.registry = registry_, .metrics = metrics_, .warnings = *warnings_} {
  KeepWarningsIn(warnings_);
}

absl::Status Instruments::OpenPort(const Options& options, const service::ServiceContext& services) {
  if (options.metrics_listen.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const sockaddr_storage address, metrics::ParseLoopback(options.metrics_listen));
  const auto report = [&services](absl::AnyInvocable<void(std::string)> done) {
    service::ReportMetrics(services, std::move(done));
  };
  ASSIGN_OR_RETURN(port_, metrics::MetricsPort::Listen(address, report));
  operations_.metrics_address = port_->address();
  LogInfo("metrics served", Field("address", port_->address()));
  return absl::OkStatus();
}

doctor::Subject SubjectOf(const Options& options, uint32_t uid) {
  return {.uid = uid,
          .is_system = options.mode == Mode::kSystem,
          .state_dir = options.state_dir,
          .cache_dir = options.cache_dir,
          .cache_quota_bytes = options.quota.max_bytes,
          .cache_min_free_bytes = options.quota.min_free_bytes,
          .network = {.endpoint = options.endpoint,
                      .ca_file = options.curl.ca_file,
                      .offline = options.planner.offline,
                      .environment = ProcessEnvironment()}};
}

std::unique_ptr<transport::HttpTransport> Instruments::Meter(transport::HttpTransport& network,
                                                             std::string endpoint, const Clock& clock) const {
  auto kind_of = [endpoint = std::move(endpoint)](std::string_view url) {
    const std::optional<budget::WindowKind> kind = budget::KindOf(endpoint, url);
    return kind ? budget::ToString(*kind) : std::string_view("store");
  };
  return transport::MeterTransport(network, metrics_, clock, std::move(kind_of));
}

void Instruments::StartDoctor(const Options& options, eviction::Evictor& evictor,
                              transport::HttpTransport& http, const Clock& clock) {
  doctor::Subject subject = SubjectOf(options, getuid());
  subject.cache_used_bytes = [&evictor]() -> std::optional<uint64_t> {
    const absl::StatusOr<eviction::CacheUsage> usage = evictor.Measure();
    return usage.ok() ? std::optional(usage->used_bytes) : std::nullopt;
  };
  doctor_ = std::make_unique<doctor::Diagnosis>(std::move(subject), http, clock);
  operations_.diagnose = [this](bool without_network, service::Operations::Checked done) {
    doctor_->Run(without_network, std::move(done));
  };
}

}  // namespace batuta::app
