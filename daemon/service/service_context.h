#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "daemon/budget/budgeted_transport.h"
#include "daemon/cache/cache.h"
#include "daemon/hub/hub_client.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/pull/planner.h"

namespace batuta::service {

// What the daemon tells of itself; fixed at start.
struct DaemonFacts {
  std::string version;
  std::string endpoint;
  std::string cache_path;
  std::string state_path;
  std::string socket_path;
  std::string mode;  // "user" or "system"
  bool offline = false;
  uint32_t uid = 0;
  WallTime started;
  std::vector<std::string> notices;  // what the start had to repair
};

// One effective setting and where it came from.
struct ConfigEntry {
  std::string key;
  std::string value;
  std::string origin;
  std::string help;
};

// Calls under way and the time of the last one, so that an idle daemon can tell that it is. Thread-safe.
class CallMeter {
 public:
  void Begin() { running_.fetch_add(1, std::memory_order_relaxed); }

  void End(SteadyTime now) {
    last_end_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    running_.fetch_sub(1, std::memory_order_release);
  }

  void Touch(SteadyTime now) { last_end_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }

  int64_t running() const { return running_.load(std::memory_order_acquire); }

  SteadyTime last_end() const {
    return SteadyTime(SteadyTime::duration(last_end_.load(std::memory_order_relaxed)));
  }

 private:
  std::atomic<int64_t> running_{0};
  std::atomic<SteadyTime::rep> last_end_{0};
};

// Everything the services work with. Outlives them.
struct ServiceContext {
  Sequence& core;
  WorkerPool& disk;
  const Clock& clock;
  hub::HubClient& hub;
  cache::Cache& cache;
  budget::BudgetedTransport& budget;
  pull::Planner& planner;
  jobs::JobQueue& jobs;
  CallMeter& calls;
  const DaemonFacts& facts;
  const std::vector<ConfigEntry>& config;
  std::function<uint32_t()> open_connections;
  std::function<void()> shut_down;  // begins the shutdown; returns at once
};

}  // namespace batuta::service
