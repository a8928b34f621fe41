#pragma once

#include "daemon/metrics/daemon_metrics.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace batuta::app {

// Every call of the server that `builder` makes is counted, by its method and the code it ends with.
// `metrics` outlives the server.
void MeterCalls(const metrics::DaemonMetrics& metrics, grpc::ServerBuilder& builder);

}  // namespace batuta::app
