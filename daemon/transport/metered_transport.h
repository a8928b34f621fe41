#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "common/time/clock.h"
#include "daemon/transport/http_transport.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::transport {

// What a request to `url` is counted as: a word of a small set. Any thread.
using KindOfUrl = std::function<std::string_view(std::string_view url)>;

// The same transport, its requests counted as they go over the wire. All of it outlives the object.
std::unique_ptr<HttpTransport> MeterTransport(HttpTransport& inner, const metrics::DaemonMetrics& metrics,
                                              const Clock& clock, KindOfUrl kind_of);

}  // namespace batuta::transport
