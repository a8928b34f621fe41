#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "common/sync/task_runner.h"
#include "common/time/backoff.h"
#include "common/time/clock.h"
#include "daemon/hub/hub_client.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::hub {

// How often a question of a person is put again by itself before its error is shown.
struct RetryPolicy {
  int max_retries = 2;
  BackoffPolicy backoff{.first = std::chrono::milliseconds(200)};

  // Of all tries together: an error that was slow in coming (a time-out) would only be slow again.
  std::chrono::milliseconds patience{5'000};

  const metrics::DaemonMetrics* metrics = nullptr;  // outlives the client
};

// The pause before the question is put again; nullopt: `status`, which ended try number `tries` at `elapsed`
// after the first began, is final. Only what ends a connection or a single answer (HUB_UNREACHABLE) is worth
// it, never a rate limit, and nothing that the hub itself asks to wait for longer than the patience lasts.
// `random` in [0, 1). Pure.
std::optional<std::chrono::milliseconds> NextTry(const RetryPolicy& policy, const absl::Status& status,
                                                 int tries, Duration elapsed, double random);

// The same hub, asked again by NextTry() in the name of interactive callers who may not wait: those show the
// error to a person. Whoever may wait has a back-off of his own, so his calls pass as they are, and so do
// transfers. `inner`, `callbacks` (on which `inner` calls back) and `clock` outlive the client. `random` is
// called on `callbacks`; empty = a generator of its own.
std::unique_ptr<HubClient> MakeRetryingHubClient(RetryPolicy policy, HubClient& inner, TaskRunner& callbacks,
                                                 const Clock& clock, std::function<double()> random = {});

}  // namespace batuta::hub
