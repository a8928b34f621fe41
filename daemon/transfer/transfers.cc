#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/transfer/blob_transfer.h"
#include "daemon/transfer/connection_governor.h"
#include "daemon/transfer/connection_share.h"
#include "daemon/transfer/fair_queue.h"
#include "daemon/transfer/slots.h"
#include "daemon/transfer/transfer.h"

namespace batuta::transfer {
namespace {

constexpr std::chrono::milliseconds kTick{100};

// Blobs that wait for the disk only. They cost a file each, and some memory.
constexpr size_t kMaxStaged = 1'024;

absl::Status StoppingError() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonStopping, "the daemon is stopping",
                   "what has arrived is kept: the transfer goes on once the daemon runs again");
}

absl::Status SizeConflictError(const Entry& entry, uint64_t other_size_bytes) {
  return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                   fmt::format("{}: the hub gives two sizes for blob {}: {} and {} bytes", entry.path.text(),
                               entry.blob.hex(), entry.size_bytes, other_size_bytes),
                   "list the repo again; if it stays so, report it to the hub");
}

// TransferTable holds every transfer, each once, and shares slots and connections among them.
class TransferTable final : public BlobTransfer::Owner, public std::enable_shared_from_this<TransferTable> {
 public:
  TransferTable(TransferOptions options, cache::Cache& cache, Sequence& core, WorkerPool& disk,
                BufferPool& buffers, const Clock& clock, std::shared_ptr<BandwidthLimit> limit)
      : core_(core),
        committer_(cache, disk),
        context_{options,
                 cache,
                 core,
                 disk,
                 committer_,
                 buffers,
                 clock,
                 std::move(limit),
                 std::mt19937_64(std::random_device()())},
        governor_({std::min(options.spare_at_start, MostSpare()), MostSpare()}) {}

  TransferId Join(TransferSpec spec, std::shared_ptr<TransferObserver> observer);
  void SetPriority(TransferId id, Priority priority);
  void Leave(TransferId id);
  void Drain(absl::AnyInvocable<void()> done);

  // BlobTransfer::Owner:
  void OnDemandChanged() override;
  void OnStaged(BlobTransfer& blob) override;
  void OnObserverGone(TransferId id) override;
  void OnIdle(BlobTransfer& blob) override;

 private:
  // Order of service among those in flight: the most urgent, then the first to come.
  struct Place {
    Priority priority;
    uint64_t number;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  static Place PlaceOf(const BlobTransfer& blob) { return {blob.priority(), blob.number()}; }

  std::shared_ptr<BlobTransfer> Find(const TransferSpec& spec) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Refuse(TransferId id, std::shared_ptr<TransferObserver> observer, absl::Status status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Enqueue(const std::shared_ptr<BlobTransfer>& blob) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void StartMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  Slots TakenSlots() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Rebalance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  int MostSpare() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Govern() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void ArmTick() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void OnTick();
  void FinishDrain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);

  Sequence& core_;
  BlobCommitter committer_;
  TransferContext context_ ABSL_GUARDED_BY(core_);
  ConnectionGovernor governor_ ABSL_GUARDED_BY(core_);
  // To each repo that it goes to, nearly always one.
  std::unordered_map<BlobId, std::vector<std::shared_ptr<BlobTransfer>>> blobs_ ABSL_GUARDED_BY(core_);
  std::unordered_map<TransferId, std::shared_ptr<BlobTransfer>> blob_of_ ABSL_GUARDED_BY(core_);
  std::unordered_map<TransferId, std::shared_ptr<TransferObserver>> refused_ ABSL_GUARDED_BY(core_);
  FairQueue queue_ ABSL_GUARDED_BY(core_);
  std::unordered_map<uint64_t, std::shared_ptr<BlobTransfer>> queued_ ABSL_GUARDED_BY(core_);  // by number
  std::vector<std::shared_ptr<BlobTransfer>> in_flight_ ABSL_GUARDED_BY(core_);
  std::set<std::shared_ptr<BlobTransfer>> staged_ ABSL_GUARDED_BY(core_);  // see BlobTransfer::Owner
  uint64_t next_number_ ABSL_GUARDED_BY(core_) = 1;
  TransferId next_id_ ABSL_GUARDED_BY(core_) = 1;
  bool is_ticking_ ABSL_GUARDED_BY(core_) = false;
  bool is_draining_ ABSL_GUARDED_BY(core_) = false;
  std::vector<absl::AnyInvocable<void()>> drained_ ABSL_GUARDED_BY(core_);
};

TransferId TransferTable::Join(TransferSpec spec, std::shared_ptr<TransferObserver> observer) {
  core_.AssertCurrent();
  const TransferId id = next_id_++;
  if (is_draining_) {
    Refuse(id, std::move(observer), StoppingError());
    return id;
  }
  std::shared_ptr<BlobTransfer> blob = Find(spec);
  const bool is_new = blob == nullptr;
  if (is_new) {
    blob = std::make_shared<BlobTransfer>(context_, *this, spec.repo, spec.entry, next_number_++,
                                          spec.elsewhere_will_do);
    blobs_[spec.entry.blob].push_back(blob);
  }
  if (blob->entry().size_bytes != spec.entry.size_bytes) {
    Refuse(id, std::move(observer), SizeConflictError(spec.entry, blob->entry().size_bytes));
    return id;
  }
  blob_of_.emplace(id, blob);
  blob->Join({id, std::move(spec.source), spec.priority, spec.may_wait, std::move(spec.principal),
              std::move(spec.job), std::move(spec.limit), std::move(observer), std::move(spec.guard),
              spec.repo != blob->repo()});
  if (is_new || queue_.Contains(blob->number())) {
    Enqueue(blob);
    StartMore();
  }
  return id;
}

std::shared_ptr<BlobTransfer> TransferTable::Find(const TransferSpec& spec) const {
  const auto known = blobs_.find(spec.entry.blob);
  if (known == blobs_.end()) return nullptr;
  const auto own = std::ranges::find(known->second, spec.repo, &BlobTransfer::repo);
  if (own != known->second.end()) return *own;
  if (!spec.elsewhere_will_do) return nullptr;
  const auto other = std::ranges::find_if(known->second, [&spec](const auto& blob) {
    return blob->lends() && blob->entry().size_bytes == spec.entry.size_bytes;
  });
  return other == known->second.end() ? nullptr : *other;
}

void TransferTable::Leave(TransferId id) {
  core_.AssertCurrent();
  refused_.erase(id);
  const auto node = blob_of_.extract(id);
  if (node.empty()) return;
  const std::shared_ptr<BlobTransfer> blob = node.mapped();
  blob->Leave(id);
  if (queue_.Contains(blob->number())) Enqueue(blob);
}

void TransferTable::SetPriority(TransferId id, Priority priority) {
  core_.AssertCurrent();
  const auto found = blob_of_.find(id);
  if (found == blob_of_.end()) return;
  const std::shared_ptr<BlobTransfer> blob = found->second;
  blob->SetPriority(id, priority);
  if (queue_.Contains(blob->number())) {
    Enqueue(blob);
    StartMore();
  }
  Rebalance();
}

void TransferTable::Drain(absl::AnyInvocable<void()> done) {
  core_.AssertCurrent();
  is_draining_ = true;
  drained_.push_back(std::move(done));
  queue_.Clear();
  queued_.clear();
  std::vector<std::shared_ptr<BlobTransfer>> blobs;
  for (const auto& [id, all] : blobs_) blobs.insert(blobs.end(), all.begin(), all.end());
  for (const std::shared_ptr<BlobTransfer>& blob : blobs) blob->Stop(StoppingError());
  if (blobs_.empty()) FinishDrain();
}

void TransferTable::FinishDrain() {
  for (absl::AnyInvocable<void()>& done : drained_) core_.Post(std::move(done));
  drained_.clear();
}

void TransferTable::Refuse(TransferId id, std::shared_ptr<TransferObserver> observer, absl::Status status) {
  refused_.emplace(id, std::move(observer));
  core_.Post([weak = weak_from_this(), id, status = std::move(status)] {
    const std::shared_ptr<TransferTable> self = weak.lock();
    if (self == nullptr) return;
    self->core_.AssertCurrent();
    const auto node = self->refused_.extract(id);
    if (!node.empty()) node.mapped()->OnFinished(status);
  });
}

void TransferTable::OnStaged(BlobTransfer& blob) {
  core_.AssertCurrent();
  const std::shared_ptr<BlobTransfer> self = blob.shared_from_this();
  if (std::erase(in_flight_, self) == 0) return;
  staged_.insert(self);
  StartMore();
}

void TransferTable::OnObserverGone(TransferId id) {
  core_.AssertCurrent();
  blob_of_.erase(id);
}

void TransferTable::OnIdle(BlobTransfer& blob) {
  core_.AssertCurrent();
  const std::shared_ptr<BlobTransfer> self = blob.shared_from_this();
  std::erase(in_flight_, self);
  staged_.erase(self);
  queue_.Remove(blob.number());
  queued_.erase(blob.number());
  if (blob.has_observers() && is_draining_) {
    blob.Stop(StoppingError());
    return;
  }
  if (blob.has_observers()) {
    Enqueue(self);
  } else {
    std::vector<std::shared_ptr<BlobTransfer>>& known = blobs_[blob.entry().blob];
    std::erase(known, self);
    if (known.empty()) blobs_.erase(blob.entry().blob);
  }
  StartMore();
  if (in_flight_.empty() && queue_.empty()) queue_.Clear();
  Rebalance();
  if (is_draining_ && blobs_.empty()) FinishDrain();
}

// Puts it where it belongs, also when it is queued already and its priority has changed.
void TransferTable::Enqueue(const std::shared_ptr<BlobTransfer>& blob) {
  queue_.Put({blob->number(), blob->priority(), blob->principal(), blob->entry().size_bytes, blob->job()});
  queued_[blob->number()] = blob;
}

void TransferTable::StartMore() {
  while (!queue_.empty() && staged_.size() < kMaxStaged) {
    const Slots slots = TakenSlots();
    const std::optional<FairQueue::Item> next =
        queue_.TakeNext([&slots](const FairQueue::Item& item) { return slots.HasOneFor(item); });
    if (!next) break;
    const std::shared_ptr<BlobTransfer> blob = queued_.extract(next->number).mapped();
    in_flight_.push_back(blob);
    blob->Start();
    ArmTick();
  }
}

Slots TransferTable::TakenSlots() const {
  Slots slots(static_cast<size_t>(context_.options.blobs_in_flight));
  for (const std::shared_ptr<BlobTransfer>& blob : in_flight_) {
    slots.Add(blob->priority(), blob->principal(), blob->job());
  }
  return slots;
}

void TransferTable::OnDemandChanged() {
  core_.AssertCurrent();
  Rebalance();
}

void TransferTable::Rebalance() {
  if (is_draining_) return;
  std::vector<std::pair<Place, BlobTransfer*>> order;
  order.reserve(in_flight_.size());
  for (const std::shared_ptr<BlobTransfer>& blob : in_flight_) order.emplace_back(PlaceOf(*blob), blob.get());
  std::ranges::sort(order);
  std::vector<ConnectionDemand> demands;
  demands.reserve(order.size());
  int open = 0;
  int open_spare = 0;
  std::map<Principal, size_t> parties;
  for (const auto& [place, blob] : order) {
    ConnectionDemand demand = blob->demand();
    demand.rank = static_cast<int>(place.priority);
    demand.party = parties.emplace(blob->principal(), parties.size()).first->second;
    demands.push_back(demand);
    open += blob->connections();
    open_spare += std::max(blob->connections() - 1, 0);
  }
  const int total = context_.options.connections;
  const int spare = governor_.spare();
  const std::vector<int> shares = ShareConnections(demands, total, spare);
  for (size_t i = 0; i < order.size(); ++i) {
    BlobTransfer& blob = *order[i].second;
    if (shares[i] > 0 && blob.connections() + blob.cooling() == 0 && open < total) open += blob.Dial(1);
  }
  for (size_t i = 0; i < order.size(); ++i) {
    BlobTransfer& blob = *order[i].second;
    const int more =
        std::min({shares[i] - blob.connections() - blob.cooling(), total - open, spare - open_spare});
    if (more <= 0) continue;
    const int dialled = blob.Dial(more);
    open += dialled;
    open_spare += dialled;
  }
}

// A part of the connections is kept for first ones, so that a new blob never waits for the segment of another
// to end.
int TransferTable::MostSpare() const {
  const int total = context_.options.connections;
  return total - std::min(context_.options.blobs_in_flight, total / 2);
}

void TransferTable::Govern() {
  ConnectionGovernor::Reading reading;
  for (const std::shared_ptr<BlobTransfer>& blob : in_flight_) {
    reading.received_bytes += blob->TakeReceivedBytes();
    reading.open += blob->connections();
    reading.wants_more = reading.wants_more || blob->demand().wanted > blob->connections() + blob->cooling();
  }
  governor_.Observe(context_.clock.steady(), reading);
}

void TransferTable::ArmTick() {
  if (std::exchange(is_ticking_, true)) return;
  core_.PostAfter(kTick, [weak = weak_from_this()] {
    if (const std::shared_ptr<TransferTable> self = weak.lock()) self->OnTick();
  });
}

void TransferTable::OnTick() {
  core_.AssertCurrent();
  is_ticking_ = false;
  const std::vector<std::shared_ptr<BlobTransfer>> blobs = in_flight_;
  for (const std::shared_ptr<BlobTransfer>& blob : blobs) blob->Tick();
  Govern();
  Rebalance();
  if (in_flight_.empty()) {
    governor_.Forget();
  } else {
    ArmTick();
  }
}

// What callers hold. Tasks that are under way on the core sequence keep the table itself alive until they are
// through.
class TransferDesk final : public Transfers {
 public:
  explicit TransferDesk(std::shared_ptr<TransferTable> table) : table_(std::move(table)) {}

  TransferId Join(TransferSpec spec, std::shared_ptr<TransferObserver> observer) override {
    return table_->Join(std::move(spec), std::move(observer));
  }

  void SetPriority(TransferId id, Priority priority) override { table_->SetPriority(id, priority); }

  void Leave(TransferId id) override { table_->Leave(id); }

  void Drain(absl::AnyInvocable<void()> done) override { table_->Drain(std::move(done)); }

 private:
  const std::shared_ptr<TransferTable> table_;
};

TransferOptions Sanitized(TransferOptions options) {
  options.connections_per_blob = std::max(options.connections_per_blob, 1);
  options.connections = std::max(options.connections, 1);
  options.blobs_in_flight = std::max(options.blobs_in_flight, 1);
  options.min_piece_bytes = std::max<uint64_t>(options.min_piece_bytes, 1);
  options.min_segment_bytes = std::max<uint64_t>(options.min_segment_bytes, 1);
  options.max_segment_bytes = std::max(options.max_segment_bytes, options.min_segment_bytes);
  return options;
}

}  // namespace

std::unique_ptr<Transfers> Transfers::Create(TransferOptions options, cache::Cache& cache, Sequence& core,
                                             WorkerPool& disk, BufferPool& buffers, const Clock& clock,
                                             std::shared_ptr<BandwidthLimit> limit) {
  return std::make_unique<TransferDesk>(std::make_shared<TransferTable>(Sanitized(options), cache, core, disk,
                                                                        buffers, clock, std::move(limit)));
}

}  // namespace batuta::transfer
