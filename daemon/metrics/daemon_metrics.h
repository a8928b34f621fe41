#pragma once

#include "daemon/metrics/registry.h"

namespace batuta::metrics {

// Every family that the daemon counts in, declared once. What can be read when somebody asks (jobs, windows,
// the cache, the process) is not here: see daemon/service/metrics_report.
//
// Whoever counts is given a pointer, which may be null where nobody reads it.
struct DaemonMetrics {
  explicit DaemonMetrics(Registry& registry);

  // Requests on the wire. kind: api, resolvers, pages, or store (everything that is not the endpoint).
  Family<Counter>& http_requests;        // kind, code: "2xx" … "5xx", or "none" when no answer came
  Counter& http_rate_limited;            // answers 429
  Family<Counter>& http_received_bytes;  // kind; of bodies
  Family<Counter>& http_sent_bytes;      // kind; of bodies
  Family<Gauge>& http_active;            // kind
  Family<Histogram>& http_head_seconds;  // kind; until the head of the answer

  Family<Counter>& retries;           // part: hub, transfer, upload
  Family<Histogram>& budget_seconds;  // kind; how long requests were held back

  Family<Counter>& rpcs;           // method, code
  Family<Histogram>& rpc_seconds;  // method; of unary calls
  Gauge& rpcs_active;

  Family<Counter>& verdicts;  // verdict: safe, unsafe, invalid, unknown
  Counter& evictions;         // selections
  Counter& evicted_bytes;
  Counter& secret_scanned_bytes;
};

}  // namespace batuta::metrics
