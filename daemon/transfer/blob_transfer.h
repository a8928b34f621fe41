#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/transfer/audience.h"
#include "daemon/transfer/bandwidth.h"
#include "daemon/transfer/blob_committer.h"
#include "daemon/transfer/blob_guard.h"
#include "daemon/transfer/blob_writer.h"
#include "daemon/transfer/connection_share.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/for_other_thread.h"
#include "daemon/transfer/movement.h"
#include "daemon/transfer/segment_plan.h"
#include "daemon/transfer/segment_receiver.h"
#include "daemon/transfer/transfer.h"

namespace batuta::transfer {

// What the transfers of one daemon have in common. Outlives them.
struct TransferContext {
  TransferOptions options;
  cache::Cache& cache;
  Sequence& core;
  WorkerPool& disk;
  BlobCommitter& committer;
  BufferPool& buffers;
  const Clock& clock;
  std::shared_ptr<BandwidthLimit> limit;  // of all together; may be null
  std::mt19937_64 random;                 // used on the core sequence
};

// BlobTransfer moves one blob, from the first observer to the published file.
//
//   idle ──Start()──▶ opening ──▶ moving ──(all bytes there, hash right)──▶ idle
//                        │          ▲ │
//                        │          │ ▼
//                        └──────▶ settling ──▶ closing ──▶ idle
//
// Settling: every connection is being cancelled; when the last has reported, the blob is begun over, dialled
// in another way, or closed. Lives on the core sequence; what other threads report is posted there. Always
// held by a shared_ptr.
class BlobTransfer final : public std::enable_shared_from_this<BlobTransfer> {
 public:
  // Who made it, and outlives it. Called on the core sequence.
  class Owner {
   public:
    virtual ~Owner() = default;

    // A connection came free, or more of them are wanted: see demand().
    virtual void OnDemandChanged() = 0;

    // Whole and right, on its way to be published: it needs no connection any more, and no place.
    virtual void OnStaged(BlobTransfer& blob) = 0;

    // This observer has had its last call.
    virtual void OnObserverGone(TransferId id) = 0;

    // Idle again. With has_observers() it wants to be started anew: they came while it was closing.
    virtual void OnIdle(BlobTransfer& blob) = 0;
  };

  BlobTransfer(TransferContext& context, Owner& owner, RepoId repo, Entry entry, uint64_t number, bool lends);

  // Observers are never called from inside these two.
  void Join(Member member);
  void Leave(TransferId id);
  void SetPriority(TransferId id, Priority priority);

  // While idle, with an observer at least.
  void Start();

  // Every observer is finished with `status` and what has arrived is kept; then OnIdle().
  void Stop(const absl::Status& status);

  // Starts up to `count` more connections; returns how many it had a use for.
  int Dial(int count);

  // About ten times a second while it is not idle: progress, stalls.
  void Tick();

  // Bytes over the network since the last call.
  uint64_t TakeReceivedBytes();

  ConnectionDemand demand() const;
  int connections() const;

  // Connections that failed and wait before they are dialled again.
  int cooling() const;

  bool has_observers() const;
  Priority priority() const;

  // Of the most urgent observer.
  Principal principal() const;
  std::string job() const;

  uint64_t number() const { return number_; }

  // May those join who want it for another repo?
  bool lends() const { return lends_; }

  const RepoId& repo() const { return repo_; }

  const Entry& entry() const { return entry_; }

 private:
  enum class State { kIdle, kOpening, kMoving, kSettling, kClosing };
  enum class AfterSettling { kRedial, kStartOver, kClose };
  enum class Dropped { kNo, kStalled, kSlow, kSourceGone, kSettling };

  struct Connection {
    TransferId owner = 0;
    std::shared_ptr<SegmentReceiver> receiver;
    Movement movement;
    int attempt_at_dial = 0;
    Dropped dropped = Dropped::kNo;
    SteadyTime held_until;          // by the budget
    std::vector<Extent> lost = {};  // of what it has fetched, to the disk
  };

  // An observer that is about to be told its end, where it matters once the file is closed.
  struct Parting {
    Member member;
    absl::Status status;
  };

  // What nothing moves for at present.
  struct Standstill {
    transport::WaitInfo info;
    absl::Status cause;    // as observers are told
    absl::Status refusal;  // for those who would rather fail than wait
    int attempt = 0;
  };

  // Reports from other threads:
  void OnOpened(absl::StatusOr<std::vector<Extent>> believed);
  std::shared_ptr<BlobWriter> MakeWriter() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void OnDamaged(Extent damaged, int start_overs);
  void OnStaged();
  void OnWriterFinished(const absl::Status& status, int start_overs);
  void OnRefused(const absl::Status& refusal, int start_overs);
  void OnClosed();
  void OnConnectionWaiting(uint64_t connection, const transport::WaitInfo& info);
  void OnConnectionDone(uint64_t connection, const absl::Status& status);
  void OnCooled();

  // Connections:
  bool IsHeldUpByOne() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  std::optional<NextSegment> PlanNext(std::vector<uint64_t>* flight_ids) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  std::optional<NextSegment> PlanStream() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  bool DialOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Open(Extent range) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Drop(Connection& connection, Dropped why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void DropThoseOf(TransferId owner) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void WatchConnections(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void DropLaggard(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  bool IsHeldByBudget(SteadyTime now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  bool HasStartedOne() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  uint64_t FetchedBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  uint64_t ReceivedBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);

  // Failures:
  void HandleEnd(const Connection& connection, const SegmentReceiver::View& view, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void HandleFailure(const Connection& connection, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void RetryLater(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void GiveUp(TransferId owner, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void BeginAgain(const absl::Status& cause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void ClearFailures() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  bool NoteProgress() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);

  // Ends:
  void FinishWell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Fail(const absl::Status& status, BlobWriter::Ending ending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Part(std::vector<Member> members, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void TellParting(uint64_t done_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void StandStill(Standstill standstill) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void TellStandstill() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void DismissImpatient(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Settle(AfterSettling next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void OnSettled() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void CloseWith(BlobWriter::Ending ending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Reset() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);

  template <typename... Arguments>
  auto Relay(void (BlobTransfer::*method)(Arguments...));

  TransferContext& context_;
  Sequence& core_;
  Owner& owner_;
  const RepoId repo_;
  const Entry entry_;
  const uint64_t number_;
  const bool lends_;
  const std::shared_ptr<BandwidthGate> gate_;
  const std::shared_ptr<GuardPanel> guards_ = std::make_shared<GuardPanel>();

  State state_ ABSL_GUARDED_BY(core_) = State::kIdle;
  AfterSettling after_settling_ ABSL_GUARDED_BY(core_) = AfterSettling::kRedial;
  BlobWriter::Ending ending_ ABSL_GUARDED_BY(core_) = BlobWriter::Ending::kJournal;
  Audience audience_ ABSL_GUARDED_BY(core_);
  bool has_newcomers_ ABSL_GUARDED_BY(core_) = false;  // who have not heard of a standstill
  std::optional<Standstill> standstill_ ABSL_GUARDED_BY(core_);
  std::vector<Parting> parting_ ABSL_GUARDED_BY(core_);
  TransferId source_of_ ABSL_GUARDED_BY(core_) = 0;  // whose source is in use

  std::shared_ptr<BlobWriter> writer_ ABSL_GUARDED_BY(core_);
  std::map<uint64_t, Connection> connections_ ABSL_GUARDED_BY(core_);
  uint64_t next_connection_ ABSL_GUARDED_BY(core_) = 1;
  Extents received_ ABSL_GUARDED_BY(core_);  // by connections that have ended, or by an earlier run
  uint64_t ended_received_bytes_ ABSL_GUARDED_BY(core_) = 0;
  uint64_t taken_received_bytes_ ABSL_GUARDED_BY(core_) = 0;

  std::vector<SteadyTime> cooling_until_ ABSL_GUARDED_BY(core_);
  // When the last connection has failed, none is dialled before the pause is over, then one, until something
  // moves.
  bool is_pausing_ ABSL_GUARDED_BY(core_) = false;
  bool is_probing_ ABSL_GUARDED_BY(core_) = false;
  int attempt_ ABSL_GUARDED_BY(core_) = 0;  // failures in a row without progress
  uint64_t fetched_at_failure_ ABSL_GUARDED_BY(core_) = 0;
  int start_overs_ ABSL_GUARDED_BY(core_) = 0;
  bool is_single_stream_ ABSL_GUARDED_BY(core_) = false;  // the server does not do ranges
  uint64_t usual_bytes_per_second_ ABSL_GUARDED_BY(core_) = 0;
  SteadyTime laggard_dropped_at_ ABSL_GUARDED_BY(core_);
};

// A function for any thread that calls the method on the core sequence, if the object is still there.
template <typename... Arguments>
auto BlobTransfer::Relay(void (BlobTransfer::*method)(Arguments...)) {
  return [weak = weak_from_this(), &core = core_, method](std::decay_t<Arguments>... arguments) {
    core.Post([weak, method, ... values = ForOtherThread(std::move(arguments))]() mutable {
      if (const std::shared_ptr<BlobTransfer> self = weak.lock()) ((*self).*method)(std::move(values)...);
    });
  };
}

}  // namespace batuta::transfer
