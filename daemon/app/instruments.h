#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"

#include "common/log/recent_events.h"
#include "daemon/app/options.h"
#include "daemon/doctor/diagnosis.h"
#include "daemon/eviction/evictor.h"
#include "daemon/metrics/daemon_metrics.h"
#include "daemon/metrics/metrics_port.h"
#include "daemon/service/operations.h"
#include "daemon/service/service_context.h"
#include "daemon/transport/http_transport.h"

namespace batuta::app {

// What a daemon with these options depends on.
doctor::Subject SubjectOf(const Options& options, uint32_t uid);

// Instruments is all by which an operator sees how the daemon runs: what is counted, the last warnings, and
// the port for metrics. Made before what is measured.
class Instruments {
 public:
  // From here on the warnings of the log are kept.
  Instruments();
  Instruments(const Instruments&) = delete;
  Instruments& operator=(const Instruments&) = delete;

  const metrics::DaemonMetrics& metrics() const { return metrics_; }

  // The same transport, what goes over it counted. Everything borrowed outlives it.
  std::unique_ptr<transport::HttpTransport> Meter(transport::HttpTransport& network, std::string endpoint,
                                                  const Clock& clock) const;

  // For the services; what is not known before the catalog is open is set there.
  service::Operations& operations() { return operations_; }

  // Opens the port where one is configured. `services` outlives ClosePort().   Errors: MetricsPort::Listen().
  absl::Status OpenPort(const Options& options, const service::ServiceContext& services);

  // From here on diagnoses are made, until StopDoctor(). Everything borrowed outlives that.
  void StartDoctor(const Options& options, eviction::Evictor& evictor, transport::HttpTransport& http,
                   const Clock& clock);

  // Both idempotent.
  void StopDoctor() { doctor_.reset(); }

  void ClosePort() { port_.reset(); }

 private:
  static constexpr size_t kWarningsKept = 32;

  metrics::Registry registry_;
  const metrics::DaemonMetrics metrics_{registry_};
  const std::shared_ptr<RecentEvents> warnings_ = std::make_shared<RecentEvents>(kWarningsKept);
  service::Operations operations_;
  std::unique_ptr<metrics::MetricsPort> port_;
  std::unique_ptr<doctor::Diagnosis> doctor_;
};

}  // namespace batuta::app
