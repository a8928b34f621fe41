#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/io/at_once.h"
#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "daemon/adoption/adoption.h"
#include "daemon/budget/budgeted_transport.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/space_ledger.h"
#include "daemon/eviction/evictor.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/hub/hub_client.h"
#include "daemon/inventory/inventory.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/jobs/overall_limit.h"
#include "daemon/pull/planner.h"
#include "daemon/push/planner.h"
#include "daemon/push/served_folders.h"
#include "daemon/service/open_calls.h"
#include "daemon/service/operations.h"
#include "daemon/service/rights.h"
#include "daemon/verify/verification.h"

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
  bool applies_at_once = false;  // when the configuration is read again; else at the next start
};

// Everything the services work with. Outlives them.
struct ServiceContext {
  Sequence& core;
  WorkerPool& disk;
  WorkerPool& upkeep;  // one thread, the evictor's
  const Clock& clock;
  hub::HubClient& hub;
  cache::Cache& cache;
  const AtOnce& cache_at_once;  // its root
  cache::SpaceLedger& space;
  inventory::Inventory& inventory;
  adoption::Adoption& adoption;
  const guard::GuardContext& guard;
  eviction::Evictor& evictor;
  verify::VerifyContext verify;
  budget::BudgetedTransport& budget;
  pull::Planner& planner;
  push::Planner& push_planner;
  push::ServedFolders& served_folders;
  jobs::JobQueue& jobs;
  jobs::OverallLimit& overall_limit;
  OpenCalls* calls;  // of the user who is served
  const DaemonFacts& facts;
  const Rights& rights;
  std::function<std::vector<ConfigEntry>()> config;  // in force; thread-safe
  const Operations& operations;
  // Of verifying, when a request says nothing else; 0 = no limit; thread-safe.
  std::function<uint64_t()> verify_bytes_per_second;
  std::function<uint32_t()> open_connections;  // thread-safe
  std::function<void()> shut_down;             // begins the shutdown; returns at once; thread-safe
};

}  // namespace batuta::service
