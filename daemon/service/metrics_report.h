#pragma once

#include <string>

#include "absl/functional/any_invocable.h"

#include "daemon/service/service_context.h"

namespace batuta::service {

// What the daemon counts, and what there is to measure at this moment, in the text form of Prometheus. Calls
// back on the core sequence, or never when the daemon stops first. Any thread.
void ReportMetrics(const ServiceContext& services, absl::AnyInvocable<void(std::string)> done);

}  // namespace batuta::service
