#include "daemon/app/daemon.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "common/io/file_system.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "daemon/adoption/adoption.h"
#include "daemon/app/accounts.h"
#include "daemon/app/drain.h"
#include "daemon/app/instance_lock.h"
#include "daemon/app/instruments.h"
#include "daemon/app/listener.h"
#include "daemon/app/reload.h"
#include "daemon/app/rpc_server.h"
#include "daemon/app/status_line.h"
#include "daemon/app/surroundings.h"
#include "daemon/app/version.h"
#include "daemon/budget/budgeted_transport.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/space_ledger.h"
#include "daemon/entitlement/admission.h"
#include "daemon/entitlement/entitlements.h"
#include "daemon/eviction/evictor.h"
#include "daemon/guard/inspection.h"
#include "daemon/guard/metered_inspection.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/hub/answer_memory.h"
#include "daemon/hub/exchange.h"
#include "daemon/hub/hub_client.h"
#include "daemon/hub/repo_writer.h"
#include "daemon/hub/retrying_hub_client.h"
#include "daemon/hub/saving_asker.h"
#include "daemon/inventory/blob_marks.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/jobs/overall_limit.h"
#include "daemon/metadata/identity.h"
#include "daemon/metadata/rocksdb_store.h"
#include "daemon/metadata/schema.h"
#include "daemon/pull/fitter.h"
#include "daemon/pull/header_store.h"
#include "daemon/pull/review.h"
#include "daemon/push/planner.h"
#include "daemon/push/push_run.h"
#include "daemon/transfer/buffer_pool.h"
#include "daemon/transfer/transfer.h"
#include "daemon/transport/curl_transport.h"

namespace batuta::app {
namespace {
constexpr std::string_view kServiceManagerOrigin = "service manager";
constexpr size_t kBufferBytes = 256 * 1024;
constexpr int kPushThreads = 2;
// For the last words of calls that were ended: what a caller has not taken by then he does not get.
constexpr std::chrono::milliseconds kCallGrace{1'000};
constexpr std::chrono::seconds kIdleCheck{1};
constexpr std::chrono::minutes kRoomCheck{5};
constexpr std::chrono::hours kForgetEvery{24};
// A catalog of gigabytes on a slow disk, after a power cut; one that takes longer is taken for hung.
constexpr std::chrono::minutes kLongestOpen{15};
constexpr std::chrono::minutes kLongestLoad{5};

class WiredDaemon final : public Daemon {
 public:
  WiredDaemon(Options options, ServiceManager& manager, UniqueFd handed_over,
              std::function<void()> wants_to_stop)
      : options_(std::move(options)),
        manager_(manager),
        wants_to_stop_(std::move(wants_to_stop)),
        handed_over_(std::move(handed_over)),
        is_activated_(handed_over_) {}

  ~WiredDaemon() override { Stop(); }

  absl::Status Open();
  void Reconfigure(Options options) override;
  void Stop() override;

 private:
  absl::Status OpenRights();
  absl::Status OpenStorage();
  absl::Status OpenNetwork();
  absl::Status OpenQueue();
  void MakeServices();
  void Serve();
  void CheckIdle();
  void LookAround();
  void Learn(const hub::RepoNews& news);
  void KeepRoom();
  std::optional<uint64_t> Room() const;
  void Adopt();
  void ForgetGone();

  const Options options_;  // as at the start
  ServiceManager& manager_;
  const std::function<void()> wants_to_stop_;
  UniqueFd handed_over_;  // until it is adopted
  const bool is_activated_;

  // What Reconfigure() changes.
  ConfigInForce config_{options_.entries};
  std::atomic<uint64_t> verify_bytes_per_second_ = options_.verify_bytes_per_second;
  std::chrono::milliseconds idle_timeout_ = options_.idle_timeout;  // core sequence

  const SystemClock clock_;
  metadata::OpenReport report_;
  service::DaemonFacts facts_;
  service::Rights rights_;
  Instruments instruments_;
  service::OpenCalls calls_{clock_.steady()};
  SteadyTime busy_at_ = clock_.steady();  // core sequence: when a call or job was last seen under way

  // In the order of construction; what is below may use what is above.
  std::unique_ptr<InstanceLock> lock_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<metadata::MetadataStore> store_;
  std::unique_ptr<entitlement::Entitlements> entitlements_;  // null in user mode
  std::unique_ptr<cache::VerifiedFiles> verified_;
  std::unique_ptr<guard::Inspection> inspection_;
  std::unique_ptr<guard::Verdicts> verdicts_;
  std::unique_ptr<guard::Consents> consents_;
  std::unique_ptr<guard::GuardContext> guard_;
  std::unique_ptr<adoption::Adoption> adoption_;
  std::unique_ptr<cache::KnownPieces> pieces_;
  std::unique_ptr<cache::Cache> cache_;
  std::unique_ptr<AtOnce> cache_at_once_;
  std::unique_ptr<inventory::Pins> pins_;
  std::unique_ptr<inventory::Inventory> inventory_;
  std::unique_ptr<eviction::Evictor> evictor_;
  std::unique_ptr<cache::SpaceLedger> space_;
  std::unique_ptr<transfer::BufferPool> buffers_;
  std::unique_ptr<WorkerPool> disk_;
  std::unique_ptr<WorkerPool> upkeep_;
  std::unique_ptr<WorkerPool> push_pool_;  // reads what is pushed: for as long as that takes
  std::unique_ptr<Sequence> core_;
  std::unique_ptr<transport::CurlTransport> network_;
  std::unique_ptr<transport::HttpTransport> metered_network_;
  std::unique_ptr<budget::BudgetedTransport> budget_;
  std::unique_ptr<hub::Asker> hub_asker_;  // asks the hub, whatever is remembered
  std::unique_ptr<hub::AnswerMemory> hub_memory_;
  std::unique_ptr<hub::Asker> saving_asker_;
  std::unique_ptr<hub::HubClient> hub_once_;  // one call, one try
  std::unique_ptr<hub::HubClient> hub_;
  std::unique_ptr<hub::RepoWriter> writer_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<entitlement::Admission> admission_;  // null in user mode
  std::unique_ptr<review::Acquaintances> acquaintances_;
  std::unique_ptr<pull::Reviewer> reviewer_;
  std::unique_ptr<pull::HeaderStore> headers_;
  std::unique_ptr<pull::Fitter> fitter_;
  std::unique_ptr<pull::Planner> planner_;
  std::unique_ptr<pull::LookTurns> turns_;
  push::ServedFolders served_folders_;
  std::unique_ptr<push::Planner> push_planner_;
  std::unique_ptr<jobs::OverallLimit> overall_limit_;
  std::unique_ptr<transfer::Transfers> transfers_;
  std::unique_ptr<jobs::JobQueue> jobs_;
  std::unique_ptr<service::ServiceContext> services_;
  std::unique_ptr<RpcServer> rpc_;
  bool is_stopped_ = false;
  SteadyTime forgot_at_ = clock_.steady();  // upkeep: when it was last seen what can be forgotten
  std::atomic<bool> is_stopping_ = false;   // for what upkeep does at leisure
};

absl::Status WiredDaemon::Open() {
  facts_ = {.version = std::string(kVersion),
            .endpoint = options_.endpoint,
            .cache_path = options_.cache_dir.string(),
            .state_path = options_.state_dir.string(),
            .socket_path = options_.socket.string(),
            .mode = options_.mode == Mode::kSystem ? "system" : "user",
            .offline = options_.planner.offline,
            .uid = getuid(),
            .started = clock_.wall(),
            .notices = {}};
  manager_.Starting("opening the catalog and the cache", kLongestOpen);
  RETURN_IF_ERROR(OpenStorage());
  RETURN_IF_ERROR(OpenNetwork());
  // Before jobs begin to run: whoever finds the socket taken has done nothing yet.
  const ConnectionLimits limits = ConnectionLimits::OfThisProcess();
  ASSIGN_OR_RETURN(listener_, is_activated_ ? Listener::Adopt(std::move(handed_over_), limits)
                                            : Listener::Bind(options_.socket, options_.mode, limits));
  manager_.Starting("reading the jobs", kLongestLoad);
  RETURN_IF_ERROR(OpenQueue());
  MakeServices();
  // Before the first caller comes: whoever configured a port that is taken is told so.
  RETURN_IF_ERROR(instruments_.OpenPort(options_, *services_));
  Serve();
  return absl::OkStatus();
}

// Who may do what, and in system mode who may read what.
absl::Status WiredDaemon::OpenRights() {
  rights_.admins = {0, facts_.uid};
  if (options_.mode == Mode::kUser) return absl::OkStatus();
  entitlements_ = std::make_unique<entitlement::Entitlements>(
      *store_, clock_,
      entitlement::Entitlements::Options{.lifetimes = options_.lifetimes_of_access,
                                         .exempt = rights_.admins});
  rights_.entitlements = entitlements_.get();
  ASSIGN_OR_RETURN(const std::set<uint32_t> named, UidsOf(options_.admins));
  rights_.admins.insert(named.begin(), named.end());
  return entitlements_->Load();
}

absl::Status WiredDaemon::OpenStorage() {
  ASSIGN_OR_RETURN(InstanceLock lock, InstanceLock::Take(options_.state_dir, options_.socket.native()));
  lock_ = std::make_unique<InstanceLock>(std::move(lock));
  files_ = MakePosixFileSystem();
  ASSIGN_OR_RETURN(store_, metadata::OpenRocksDbStore(options_.state_dir / "catalog", &report_));
  facts_.notices = report_.notices;
  for (const std::string& notice : facts_.notices) LogWarn("catalog", Field("notice", notice));
  RETURN_IF_ERROR(OpenRights());
  verified_ = std::make_unique<cache::VerifiedFiles>(*store_, clock_);
  inspection_ = guard::MeterInspection(guard::MakeInspection(), instruments_.metrics());
  verdicts_ = std::make_unique<guard::Verdicts>(*store_, *inspection_);
  consents_ = std::make_unique<guard::Consents>(
      *store_, entitlements_ ? guard::Consents::Scope::kWhoGave : guard::Consents::Scope::kEverybody);
  guard_ = std::unique_ptr<guard::GuardContext>(new guard::GuardContext{*verdicts_, *consents_, clock_});
  pieces_ = std::make_unique<cache::KnownPieces>(*store_);
  cache::CacheOptions cache_options = {
      .root = options_.cache_dir, .verified = verified_.get(), .pieces = pieces_.get()};
  if (entitlements_) {
    cache_options.readers_of = [this](const RepoId& repo) { return entitlements_->ReadersOf(repo); };
  }
  absl::StatusOr<std::unique_ptr<cache::Cache>> cache = cache::Cache::Open(cache_options, *files_, *store_);
  if (ReasonOf(cache.status()) == reason::kStorageReadOnly) {
    // Worth running for: a cache that somebody else fills, mounted for reading.
    LogWarn("cache is read-only", Field("error", std::string(MessageOf(cache.status()))));
    facts_.notices.push_back(
        fmt::format("{}: what is there is served, nothing is added", MessageOf(cache.status())));
    cache = cache::Cache::OpenReadOnly(cache_options, *files_);
  }
  RETURN_IF_ERROR(cache.status());
  cache_ = *std::move(cache);
  cache_at_once_ = std::make_unique<AtOnce>(cache_->root());
  ASSIGN_OR_RETURN(pins_, inventory::Pins::Load(options_.state_dir / "pins.txt", *files_));
  inventory_ = std::make_unique<inventory::Inventory>(*cache_, *store_, *pins_, clock_);
  adoption_ = std::make_unique<adoption::Adoption>(*cache_, *inventory_, *inspection_, *store_);
  eviction::EvictorOptions eviction{
      .quota = options_.quota, .grace = options_.grace, .metrics = &instruments_.metrics()};
  if (entitlements_) {  // whoever is told of another repo may be anybody
    eviction.may_name = [this](const RepoId& repo) { return entitlements_->ReadersOf(repo).group; };
  }
  evictor_ = std::make_unique<eviction::Evictor>(eviction, *inventory_, *cache_, clock_);
  return absl::OkStatus();
}

absl::Status WiredDaemon::OpenNetwork() {
  buffers_ = std::make_unique<transfer::BufferPool>(options_.buffer_count, kBufferBytes);
  disk_ = WorkerPool::Start("disk", options_.disk_threads);
  upkeep_ = WorkerPool::Start("upkeep", 1);
  push_pool_ = WorkerPool::Start("push", kPushThreads);
  core_ = Sequence::Start("core");
  ASSIGN_OR_RETURN(network_, transport::CurlTransport::Start(options_.curl));
  metered_network_ = instruments_.Meter(*network_, options_.endpoint, clock_);
  budget::BudgetOptions budget = options_.budget;
  budget.metrics = &instruments_.metrics();
  ASSIGN_OR_RETURN(const std::string salt, metadata::Salt(*store_));
  budget.salt = salt;
  budget_ = budget::BudgetedTransport::Create(std::move(budget), *metered_network_, *core_, clock_, *store_);
  hub_asker_ = hub::MakeHttpAsker({.endpoint = options_.endpoint,
                                   .http = *budget_,
                                   .clock = clock_,
                                   .answer_timeout = options_.metadata_timeout});
  hub_memory_ = std::make_unique<hub::AnswerMemory>(*store_, options_.memory_bytes);
  saving_asker_ = hub::MakeSavingAsker({.lifetimes = options_.lifetimes, .salt = salt}, *hub_asker_,
                                       *hub_memory_, *disk_, clock_);
  hub_once_ = hub::MakeHubClient(
      options_.endpoint, *saving_asker_, *budget_, *core_, clock_, options_.metadata_timeout,
      [this](const hub::RepoNews& news) { disk_->Post([this, news] { Learn(news); }); });
  hub_ = hub::MakeRetryingHubClient({.metrics = &instruments_.metrics()}, *hub_once_, *core_, clock_);
  writer_ = hub::MakeRepoWriter(options_.endpoint, *hub_asker_, *core_);
  return absl::OkStatus();
}

absl::Status WiredDaemon::OpenQueue() {
  space_ = std::make_unique<cache::SpaceLedger>(options_.quota.min_free_bytes, evictor_.get());
  if (entitlements_) {
    admission_ = std::make_unique<entitlement::Admission>(
        entitlement::Admission::Context{.entitlements = *entitlements_,
                                        .hub = *hub_,
                                        .cache = *cache_,
                                        .core = *core_,
                                        .disk = *disk_,
                                        .offline = options_.planner.offline});
    rights_.admission = admission_.get();
  }
  acquaintances_ = std::make_unique<review::Acquaintances>(*store_, options_.endpoint);
  reviewer_ = std::make_unique<pull::Reviewer>(*acquaintances_, *cache_, clock_);
  headers_ = std::make_unique<pull::HeaderStore>(*store_, clock_);
  fitter_ = std::make_unique<pull::Fitter>(pull::FitterContext{.hub = *hub_,
                                                               .cache = *cache_,
                                                               .core = *core_,
                                                               .disk = *disk_,
                                                               .headers = *headers_,
                                                               .clock = clock_,
                                                               .detect = DetectThisMachine,
                                                               .room = [this] { return Room(); },
                                                               .verified = verified_.get()});
  planner_ = std::make_unique<pull::Planner>(options_.planner, *hub_, *cache_, *core_, *disk_,
                                             reviewer_.get(), fitter_.get());
  ASSIGN_OR_RETURN(overall_limit_,
                   jobs::OverallLimit::Load(options_.limit_bytes_per_second, *store_, *disk_));
  transfer::TransferOptions transfer = options_.transfer;
  transfer.metrics = &instruments_.metrics();
  transfers_ = transfer::Transfers::Create(transfer, *cache_, *core_, *disk_, *buffers_, clock_,
                                           overall_limit_->limit());
  turns_ = std::make_unique<pull::LookTurns>(*core_);
  const pull::PullContext context{.planner = *planner_,
                                  .hub = *hub_,
                                  .cache = *cache_,
                                  .space = *space_,
                                  .transfers = *transfers_,
                                  .core = *core_,
                                  .disk = *disk_,
                                  .upkeep = *upkeep_,
                                  .clock = clock_,
                                  .backoff = options_.transfer.backoff,
                                  .inventory = inventory_.get(),
                                  .reviewer = reviewer_.get(),
                                  .guard = guard_.get(),
                                  .admission = admission_.get(),
                                  .turns = turns_.get(),
                                  .verified = verified_.get()};
  push_planner_ = std::make_unique<push::Planner>(push::PlannerContext{.hub = *hub_,
                                                                       .writer = *writer_,
                                                                       .store = *store_,
                                                                       .verdicts = *verdicts_,
                                                                       .core = *core_,
                                                                       .pool = *push_pool_,
                                                                       .served = served_folders_,
                                                                       .clock = clock_,
                                                                       .offline = options_.planner.offline,
                                                                       .metrics = &instruments_.metrics()});
  const push::PushContext push{.planner = *push_planner_,
                               .hub = *hub_,
                               .writer = *writer_,
                               .http = *budget_,
                               .store = *store_,
                               .core = *core_,
                               .pool = *push_pool_,
                               .disk = *disk_,
                               .served = served_folders_,
                               .clock = clock_,
                               .backoff = options_.transfer.backoff,
                               .stall_timeout = options_.transfer.stall_timeout,
                               .overall = overall_limit_->limit(),
                               .metrics = &instruments_.metrics()};
  jobs::JobQueueOptions queue;
  queue.max_active_of_user = options_.max_jobs_of_user;
  queue.token_of = TokenOf;
  queue.start_push = [push](const push::PushRequest& request, hub::Access access,
                            push::PushObserver& observer) {
    return push::PushRun::Start(push, request, std::move(access), observer);
  };
  jobs_ = std::make_unique<jobs::JobQueue>(std::move(queue), context, *store_, *core_, *disk_, clock_);

  std::vector<std::string> records;
  RETURN_IF_ERROR(
      store_->Scan(metadata::Table::kJobs, "", [&records](std::string_view, std::string_view value) {
        records.emplace_back(value);
        return true;
      }));
  RunOn(*core_, [this, &records] { jobs_->Load(records); });
  return absl::OkStatus();
}

void WiredDaemon::MakeServices() {
  instruments_.StartDoctor(options_, *evictor_, *budget_, clock_);
  instruments_.operations().catalog_schema = metadata::SchemaVersionOf(*store_).value_or(0);
  services_ = std::unique_ptr<service::ServiceContext>(new service::ServiceContext{
      .core = *core_,
      .disk = *disk_,
      .upkeep = *upkeep_,
      .clock = clock_,
      .hub = *hub_,
      .cache = *cache_,
      .cache_at_once = *cache_at_once_,
      .space = *space_,
      .inventory = *inventory_,
      .adoption = *adoption_,
      .guard = *guard_,
      .evictor = *evictor_,
      .verify = {.cache = *cache_,
                 .inventory = *inventory_,
                 .verified = *verified_,
                 .pieces = *pieces_,
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
      .config = [this] { return config_.entries(); },
      .operations = instruments_.operations(),
      .verify_bytes_per_second = [this] { return verify_bytes_per_second_.load(); },
      .open_connections = [this] { return listener_->open_connections(); },
      .shut_down = wants_to_stop_});
}

void WiredDaemon::Serve() {
  rpc_ = std::make_unique<RpcServer>(*services_);
  listener_->Start(PeerPolicy(getuid(), options_.mode),
                   [this](UniqueFd connection, uint32_t uid) { rpc_->Serve(std::move(connection), uid); });
  upkeep_->Post([this] { LookAround(); });
  core_->Post([this] { KeepRoom(); });
  if (admission_) admission_->Start();
  core_->PostAfter(kIdleCheck, [this] { CheckIdle(); });
  KeepInTouch(manager_, *core_, [this] { return StatusLine(jobs_->activity()); });
  LogInfo("daemon ready", Field("version", kVersion), Field("pid", getpid()),
          Field("socket", options_.socket.string()), Field("cache", options_.cache_dir.string()),
          Field("endpoint", options_.endpoint));
}

// Disk pool.
void WiredDaemon::Learn(const hub::RepoNews& news) {
  const absl::Status learned = inventory_->hub_facts().Learn(news.asked, news.repo, news.tags);
  if (!learned.ok()) LogWarn("hub's word not kept", Field("error", std::string(MessageOf(learned))));
}

// Upkeep. Whoever needs to know what the cache holds waits for it; nobody else does.
void WiredDaemon::LookAround() {
  const SteadyTime begun = clock_.steady();
  const absl::Status known = inventory_->RefreshChanged();
  if (!known.ok()) return LogWarn("cache not surveyed", Field("error", std::string(MessageOf(known))));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
  Adopt();
  ForgetGone();
  LogInfo("cache surveyed", Field("repos", inventory_->All().size()), Field("elapsed_ms", took.count()));
}

// Upkeep. One repo at a time, so that an eviction waits for no more than that.
void WiredDaemon::Adopt() {
  if (is_stopping_) return;
  if (adoption_->LookAtNext()) upkeep_->Post([this] { Adopt(); });
}

// Upkeep. What was found out about blobs that are not here any more. A verdict of which the inventory does
// not know yet is made anew, which costs little.
void WiredDaemon::ForgetGone() {
  forgot_at_ = clock_.steady();
  if (!cache_->abilities().symlinks) return;  // nobody knows which blobs are here
  const std::unordered_set<uint64_t> marks = inventory::BlobMarksOf(inventory_->All());
  const absl::StatusOr<uint64_t> forgotten = verdicts_->ForgetGone(
      [&marks](const BlobId& blob) { return marks.contains(inventory::BlobMark(blob.hex())); });
  if (!forgotten.ok()) {
    LogWarn("verdicts not forgotten", Field("error", std::string(MessageOf(forgotten.status()))));
  } else if (*forgotten > 0) {
    LogInfo("verdicts forgotten", Field("count", *forgotten));
  }
}

// Core sequence. Other tools fill the cache, too.
void WiredDaemon::KeepRoom() {
  upkeep_->Post([this] {
    Adopt();
    if (clock_.steady() - forgot_at_ >= kForgetEvery) ForgetGone();
    const absl::Status kept = space_->KeepRoom();
    if (!kept.ok()) LogWarn("cache beyond its quota", Field("error", std::string(MessageOf(kept))));
  });
  core_->PostAfter(kRoomCheck, [this] { KeepRoom(); });
}

// Disk pool. What a pull could have at most, were everything evicted that may go.
std::optional<uint64_t> WiredDaemon::Room() const {
  const absl::StatusOr<eviction::CacheUsage> usage = evictor_->Measure();
  if (!usage.ok()) return std::nullopt;
  const auto without = [](uint64_t bytes, uint64_t taken) { return bytes - std::min(bytes, taken); };
  const uint64_t on_disk = without(usage->free_bytes + usage->reclaimable_bytes, usage->quota.min_free_bytes);
  if (usage->quota.max_bytes == 0) return on_disk;
  const uint64_t needed = without(usage->used_bytes, usage->reclaimable_bytes);
  return std::min(on_disk, without(usage->quota.max_bytes, needed));
}

// Core sequence.
void WiredDaemon::CheckIdle() {
  const SteadyTime now = clock_.steady();
  if (calls_.running() > 0 || jobs_->active() > 0) busy_at_ = now;
  busy_at_ = std::max(busy_at_, calls_.last_end());  // a call may be over before anybody looks
  if (idle_timeout_.count() > 0 && now - busy_at_ >= idle_timeout_) {
    LogInfo("daemon idle", Field("idle_ms", idle_timeout_.count()));
    return wants_to_stop_();
  }
  core_->PostAfter(kIdleCheck, [this] { CheckIdle(); });
}

void WiredDaemon::Reconfigure(Options options) {
  if (is_activated_) options.SetSocket(options_.socket, kServiceManagerOrigin);
  const std::vector<std::string> applied = config_.Reload(options.entries);
  // A level that was set while the daemon ran stays until the file says another one than before.
  if (std::ranges::find(applied, "log.level") != applied.end()) SetLogLevel(options.log_level);
  evictor_->SetQuota(options.quota);
  space_->SetSpare(options.quota.min_free_bytes);
  verify_bytes_per_second_ = options.verify_bytes_per_second;
  RunOn(*core_, [this, &options] {
    overall_limit_->Configure(options.limit_bytes_per_second);
    idle_timeout_ = options.idle_timeout;
  });
}

// Outside in: first nobody gets in, then nobody waits for an answer, then the work ends, then the threads.
void WiredDaemon::Stop() {
  if (std::exchange(is_stopped_, true)) return;
  is_stopping_ = true;
  if (listener_) listener_->Stop();
  instruments_.ClosePort();
  calls_.Stop();
  if (rpc_) rpc_->Stop(kCallGrace);
  if (evictor_) evictor_->Stop();
  if (inventory_) inventory_->Stop();
  if (jobs_) {
    DrainOn(*core_, [this](absl::AnyInvocable<void()> done) { jobs_->Drain(std::move(done)); });
  }
  if (transfers_) {
    DrainOn(*core_, [this](absl::AnyInvocable<void()> done) { transfers_->Drain(std::move(done)); });
  }
  if (network_) network_->Stop();
  instruments_.StopDoctor();
  served_folders_.Stop();
  if (push_pool_) push_pool_->Stop();
  if (disk_) disk_->Stop();
  if (upkeep_) upkeep_->Stop();
  if (core_) core_->Stop();
  rpc_.reset();
  services_.reset();
  jobs_.reset();
  transfers_.reset();
  overall_limit_.reset();
  push_planner_.reset();
  planner_.reset();
  reviewer_.reset();
  acquaintances_.reset();
  admission_.reset();
  turns_.reset();
  listener_.reset();
  writer_.reset();
  hub_.reset();
  hub_once_.reset();
  saving_asker_.reset();
  hub_memory_.reset();
  hub_asker_.reset();
  budget_.reset();
  metered_network_.reset();
  network_.reset();
  core_.reset();
  push_pool_.reset();
  upkeep_.reset();
  disk_.reset();
  buffers_.reset();
  space_.reset();
  evictor_.reset();
  inventory_.reset();
  pins_.reset();
  cache_.reset();
  pieces_.reset();
  adoption_.reset();
  guard_.reset();
  consents_.reset();
  verdicts_.reset();
  inspection_.reset();
  verified_.reset();
  entitlements_.reset();
  store_.reset();
  files_.reset();
  lock_.reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(Options options, ServiceManager& manager,
                                                      std::function<void()> wants_to_stop) {
  ASSIGN_OR_RETURN(ServiceManager::HandedOver handed_over, manager.TakeSocket());
  if (handed_over.socket) options.SetSocket(handed_over.path, kServiceManagerOrigin);
  auto daemon = std::make_unique<WiredDaemon>(std::move(options), manager, std::move(handed_over.socket),
                                              std::move(wants_to_stop));
  RETURN_IF_ERROR(daemon->Open());
  return daemon;
}

}  // namespace batuta::app
