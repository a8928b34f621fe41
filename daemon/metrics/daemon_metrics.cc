#include "daemon/metrics/daemon_metrics.h"

namespace batuta::metrics {
namespace {

// From a cached answer to a patient one.
std::vector<double> RpcBounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

std::vector<double> HttpBounds() {
  return {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

// Up to a whole window of the hub.
std::vector<double> WaitBounds() {
  return {0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 150, 300};
}

}  // namespace

DaemonMetrics::DaemonMetrics(Registry& registry)
    : http_requests(registry.Counters("batuta_http_requests_total",
                                      "HTTP requests that were sent, by what they ask for and the class of "
                                      "the answer; none: no answer came.",
                                      {"kind", "code"})),
      http_rate_limited(registry
                            .Counters("batuta_http_rate_limited_total",
                                      "Answers of the hub that said 429: too many requests.")
                            .Of({})),
      http_received_bytes(registry.Counters("batuta_http_received_bytes_total",
                                            "Bytes of bodies that were downloaded.", {"kind"})),
      http_sent_bytes(
          registry.Counters("batuta_http_sent_bytes_total", "Bytes of bodies that were uploaded.", {"kind"})),
      http_active(registry.Gauges(
          "batuta_http_active_requests",
          "HTTP requests under way, each on a connection of its own or a stream of one.", {"kind"})),
      http_head_seconds(registry.Histograms("batuta_http_response_seconds",
                                            "Time from sending a request to the head of its answer.",
                                            HttpBounds(), {"kind"})),
      retries(registry.Counters("batuta_retries_total",
                                "Times that something was tried again after a failure that may pass.",
                                {"part"})),
      budget_seconds(registry.Histograms("batuta_budget_wait_seconds",
                                         "Time that requests were held back before they were sent.",
                                         WaitBounds(), {"kind"})),
      rpcs(registry.Counters("batuta_rpcs_total", "Calls of the daemon's API that have ended.",
                             {"method", "code"})),
      rpc_seconds(registry.Histograms("batuta_rpc_duration_seconds",
                                      "Duration of the calls of the daemon's API that have one answer.",
                                      RpcBounds(), {"method"})),
      rpcs_active(
          registry.Gauges("batuta_rpcs_active", "Calls of the daemon's API under way, streams included.")
              .Of({})),
      verdicts(registry.Counters("batuta_verdicts_total", "Inspections of files, by what they came to.",
                                 {"verdict"})),
      evictions(
          registry.Counters("batuta_cache_evictions_total", "Selections that were removed from the cache.")
              .Of({})),
      evicted_bytes(registry
                        .Counters("batuta_cache_evicted_bytes_total",
                                  "Bytes that removals from the cache have freed on the disk.")
                        .Of({})),
      secret_scanned_bytes(registry
                               .Counters("batuta_secret_scanned_bytes_total",
                                         "Bytes that were searched for secrets before a push.")
                               .Of({})) {
  // What did not happen yet is told as well: a rate over it begins at zero.
  for (const std::string_view kind : {"api", "resolvers", "pages", "store"}) {
    http_requests.Of({kind, "2xx"});
    http_received_bytes.Of({kind});
    http_sent_bytes.Of({kind});
    http_active.Of({kind});
  }
  for (const std::string_view part : {"hub", "transfer", "upload"}) retries.Of({part});
  for (const std::string_view verdict : {"safe", "unsafe", "invalid", "unknown"}) verdicts.Of({verdict});
}

}  // namespace batuta::metrics
