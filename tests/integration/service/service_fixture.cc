#include "tests/integration/service/service_fixture.h"

#include <array>
#include <future>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/socket.h>

#include "daemon/hub/exchange.h"
#include "daemon/service/services.h"

namespace batuta::service {

bool WaitUntil(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

ServiceFixture::ServiceFixture() {
  const cache::CacheOptions cache{.root = folder_ / "hub", .verified = &verified_, .pieces = &pieces_};
  cache_ = std::move(cache::Cache::Open(cache, *files_, store_)).value();
  cache_at_once_ = std::make_unique<AtOnce>(cache_->root());
  pins_ = std::move(inventory::Pins::Load(folder_ / "pins.txt", *files_)).value();
  inventory_ = std::make_unique<inventory::Inventory>(*cache_, store_, *pins_, clock_);
  adoption_ = std::make_unique<adoption::Adoption>(*cache_, *inventory_, inspection_, store_);
  evictor_ = std::make_unique<eviction::Evictor>(eviction::EvictorOptions{.quota = {}, .grace = {}},
                                                 *inventory_, *cache_, clock_);
  budget::BudgetOptions budget;
  budget.endpoint = hub_.endpoint();
  budget.salt = "salt";
  budget_ = budget::BudgetedTransport::Create(std::move(budget), http_, *core_, clock_, store_);
  asker_ = hub::MakeHttpAsker({.endpoint = hub_.endpoint(), .http = *budget_, .clock = clock_});
  writer_ = hub::MakeRepoWriter(hub_.endpoint(), *asker_, *core_);
  push_planner_ = std::make_unique<push::Planner>(push::PlannerContext{.hub = hub_,
                                                                       .writer = *writer_,
                                                                       .store = store_,
                                                                       .verdicts = verdicts_,
                                                                       .core = *core_,
                                                                       .pool = *disk_,
                                                                       .served = served_folders_,
                                                                       .clock = clock_});
  fitter_ = std::make_unique<pull::Fitter>(pull::FitterContext{.hub = hub_,
                                                               .cache = *cache_,
                                                               .core = *core_,
                                                               .disk = *disk_,
                                                               .headers = headers_,
                                                               .clock = clock_,
                                                               .detect = [this] { return machine_; }});
  planner_ = std::make_unique<pull::Planner>(pull::PlannerOptions{}, hub_, *cache_, *core_, *disk_, nullptr,
                                             fitter_.get());
  transfers_ = std::make_unique<transfer::FakeTransfers>(*cache_);
  const pull::PullContext pull{.planner = *planner_,
                               .hub = hub_,
                               .cache = *cache_,
                               .space = space_,
                               .transfers = *transfers_,
                               .core = *core_,
                               .disk = *disk_,
                               .upkeep = *upkeep_,
                               .clock = clock_,
                               .backoff = {}};
  jobs_ = std::make_unique<jobs::JobQueue>(jobs::JobQueueOptions{}, pull, store_, *core_, *disk_, clock_);
  overall_limit_ = std::move(jobs::OverallLimit::Load(1'000'000, store_, *disk_)).value();
  facts_.uid = kOwner;
  facts_.endpoint = hub_.endpoint();
  context_ = std::unique_ptr<ServiceContext>(
      new ServiceContext{.core = *core_,
                         .disk = *disk_,
                         .upkeep = *upkeep_,
                         .clock = clock_,
                         .hub = hub_,
                         .cache = *cache_,
                         .cache_at_once = *cache_at_once_,
                         .space = space_,
                         .inventory = *inventory_,
                         .adoption = *adoption_,
                         .guard = guard_,
                         .evictor = *evictor_,
                         .verify = {.cache = *cache_,
                                    .inventory = *inventory_,
                                    .verified = verified_,
                                    .pieces = pieces_,
                                    .core = *core_,
                                    .disk = *disk_,
                                    .clock = clock_},
                         .budget = *budget_,
                         .planner = *planner_,
                         .push_planner = *push_planner_,
                         .served_folders = served_folders_,
                         .jobs = *jobs_,
                         .overall_limit = *overall_limit_,
                         .calls = &calls_,
                         .facts = facts_,
                         .rights = rights_,
                         .config = [this] { return config_; },
                         .operations = operations_,
                         .verify_bytes_per_second = [] { return uint64_t{0}; },
                         .open_connections = [] { return 3U; },
                         .shut_down = [this] { ++shut_downs_; }});
}

ServiceFixture::~ServiceFixture() {
  EXPECT_TRUE(StopServing());
  std::promise<void> drained;
  OnCore([this, &drained] { jobs_->Drain([&drained] { drained.set_value(); }); });
  drained.get_future().wait();
  disk_->Stop();
  upkeep_->Stop();
  core_->Stop();
}

std::shared_ptr<grpc::Channel> ServiceFixture::Connect(uint32_t uid) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) std::abort();
  Facade facade;
  facade.services = MakeServices(*context_, uid);
  grpc::ServerBuilder builder;
  for (const auto& service : facade.services) builder.RegisterService(service.get());
  facade.server = builder.BuildAndStart();
  grpc::AddInsecureChannelFromFd(facade.server.get(), ends[0]);
  facades_.push_back(std::move(facade));
  return grpc::CreateInsecureChannelFromFd("daemon", ends[1]);
}

bool ServiceFixture::StopServing() {
  const auto begin = std::chrono::steady_clock::now();
  calls_.Stop();
  for (const Facade& facade : facades_) {
    facade.server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }
  return calls_.running() == 0 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(30);
}

v1::RepoId ServiceFixture::Model(const std::string& id) {
  v1::RepoId repo;
  repo.set_type(v1::REPO_TYPE_MODEL);
  repo.set_id(id);
  return repo;
}

Tree ServiceFixture::TreeOf(size_t files) {
  Tree tree{CommitId::Parse(std::string(40, 'a')).value(), {}};
  tree.entries.reserve(files);
  for (size_t i = 0; i < files; ++i) {
    tree.entries.push_back({.path = RepoPath::Parse(fmt::format("data/part-{:06}.txt", i)).value(),
                            .size_bytes = i,
                            .blob = BlobId::Parse(fmt::format("{:064x}", i)).value()});
  }
  return tree;
}

}  // namespace batuta::service
