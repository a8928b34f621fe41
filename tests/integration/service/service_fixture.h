#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "batuta/v1/budget_service.grpc.pb.h"
#include "batuta/v1/cache_service.grpc.pb.h"
#include "batuta/v1/daemon_service.grpc.pb.h"
#include "batuta/v1/fit_service.grpc.pb.h"
#include "batuta/v1/hub_service.grpc.pb.h"
#include "batuta/v1/job_service.grpc.pb.h"

#include "daemon/adoption/adoption.h"
#include "daemon/cache/space_ledger.h"
#include "daemon/hub/asker.h"
#include "daemon/hub/repo_writer.h"
#include "daemon/pull/fitter.h"
#include "daemon/pull/header_store.h"
#include "daemon/push/planner.h"
#include "daemon/service/service_context.h"
#include "tests/integration/service/held_hub.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/guard/fake_inspection.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/transfers/fake_transfers.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::service {

// True as soon as `condition` is, false when it is not within half a minute.
bool WaitUntil(const std::function<bool()>& condition);

// The services over real queue, planner, budget and cache, a hub that answers when told, and transfers that
// move when told; each client over a socket pair of its own.
class ServiceFixture : public testing::Test {
 protected:
  static constexpr uint32_t kOwner = 1'000;
  static constexpr uint32_t kStranger = 1'001;
  static constexpr int kDiskThreads = 2;

  ServiceFixture();
  ~ServiceFixture() override;

  // A client whose connection belongs to `uid`.
  std::shared_ptr<grpc::Channel> Connect(uint32_t uid = kOwner);

  // As the daemon does it: every call is ended, then the servers. False when that took longer than the
  // patience of the test.
  bool StopServing();

  // Runs on the core sequence, and waits for it.
  template <typename Function>
  auto OnCore(Function function) {
    return RunOn(*core_, std::move(function));
  }

  bool HasNoCalls() {
    return WaitUntil([this] { return calls_.running() == 0; });
  }

  static v1::RepoId Model(const std::string& id);
  static Tree TreeOf(size_t files);

  const SystemClock clock_;
  TempFolder folder_;
  metadata::FakeMetadataStore store_;
  const std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
  const std::unique_ptr<Sequence> core_ = Sequence::Start("core");
  const std::unique_ptr<WorkerPool> disk_ = WorkerPool::Start("disk", kDiskThreads);
  const std::unique_ptr<WorkerPool> upkeep_ = WorkerPool::Start("upkeep", 1);
  cache::VerifiedFiles verified_{store_, clock_};
  cache::KnownPieces pieces_{store_};
  std::unique_ptr<cache::Cache> cache_;
  std::unique_ptr<AtOnce> cache_at_once_;
  std::unique_ptr<inventory::Pins> pins_;
  std::unique_ptr<inventory::Inventory> inventory_;
  guard::FakeInspection inspection_;
  guard::Verdicts verdicts_{store_, inspection_};
  guard::Consents consents_{store_};
  guard::GuardContext guard_{verdicts_, consents_, clock_};
  std::unique_ptr<adoption::Adoption> adoption_;
  std::unique_ptr<eviction::Evictor> evictor_;
  cache::SpaceLedger space_{0};
  FakeTransport http_{core_.get()};
  hub::HeldHub hub_{*core_};
  std::unique_ptr<budget::BudgetedTransport> budget_;
  std::unique_ptr<hub::Asker> asker_;
  std::unique_ptr<hub::RepoWriter> writer_;
  push::ServedFolders served_folders_;
  std::unique_ptr<push::Planner> push_planner_;
  pull::HeaderStore headers_{store_, clock_};
  Machine machine_;  // that the daemon sees
  std::unique_ptr<pull::Fitter> fitter_;
  std::unique_ptr<pull::Planner> planner_;
  std::unique_ptr<transfer::FakeTransfers> transfers_;
  std::unique_ptr<jobs::JobQueue> jobs_;
  std::unique_ptr<jobs::OverallLimit> overall_limit_;
  OpenCalls calls_{clock_.steady()};
  DaemonFacts facts_;
  Rights rights_{.admins = {0, kOwner}};
  std::vector<ConfigEntry> config_;
  metrics::Registry registry_;
  const metrics::DaemonMetrics metrics_{registry_};
  RecentEvents warnings_{8};
  Operations operations_{.registry = registry_, .metrics = metrics_, .warnings = warnings_};
  std::atomic<int> shut_downs_ = 0;
  std::unique_ptr<ServiceContext> context_;

 private:
  struct Facade {
    std::vector<std::unique_ptr<grpc::Service>> services;
    std::unique_ptr<grpc::Server> server;
  };

  std::vector<Facade> facades_;
};

// One call's context, with a deadline that ends a test that hangs.
class CallContext : public grpc::ClientContext {
 public:
  CallContext() { set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60)); }
};

}  // namespace batuta::service
