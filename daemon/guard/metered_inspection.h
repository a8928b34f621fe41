#pragma once

#include <memory>

#include "daemon/guard/inspection.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::guard {

// The same inspection, its verdicts counted. `metrics` outlives it.
std::unique_ptr<Inspection> MeterInspection(std::unique_ptr<Inspection> inner,
                                            const metrics::DaemonMetrics& metrics);

}  // namespace batuta::guard
