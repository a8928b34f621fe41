#include "daemon/transfer/blob_transfer.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/transfer/partial_writer.h"
#include "daemon/transfer/small_blob_writer.h"

// Life and end of a transfer; its connections are in blob_connections.cc.
namespace batuta::transfer {

BlobTransfer::BlobTransfer(TransferContext& context, Owner& owner, RepoId repo, Entry entry, uint64_t number,
                           bool lends)
    : context_(context),
      core_(context.core),
      owner_(owner),
      repo_(std::move(repo)),
      entry_(std::move(entry)),
      number_(number),
      lends_(lends),
      gate_(std::make_shared<BandwidthGate>(context.limit, context.core, context.clock)) {}

void BlobTransfer::Join(Member member) {
  core_.AssertCurrent();
  member.told_received_bytes = ReceivedBytes();
  guards_->Add(member.id, std::move(member.guard));
  audience_.Add(std::move(member));
  has_newcomers_ = true;
  gate_->SetLimits(audience_.limits());
}

void BlobTransfer::SetPriority(TransferId id, Priority priority) {
  core_.AssertCurrent();
  audience_.SetPriority(id, priority);
}

void BlobTransfer::Leave(TransferId id) {
  core_.AssertCurrent();
  std::erase_if(parting_, [id](const Parting& parting) { return parting.member.id == id; });
  guards_->Remove(id);
  if (audience_.Take(id).observer == nullptr) return;
  if (!audience_.empty()) {
    DropThoseOf(id);
  } else if (state_ == State::kIdle) {
    owner_.OnIdle(*this);
  } else {
    // Often the machine goes down next, and then the journal alone would not do.
    CloseWith(BlobWriter::Ending::kCheckpoint);
  }
}

void BlobTransfer::Start() {
  core_.AssertCurrent();
  Reset();
  state_ = State::kOpening;
  writer_ = MakeWriter();
  writer_->Open();
}

std::shared_ptr<BlobWriter> BlobTransfer::MakeWriter() {
  const TransferOptions& options = context_.options;
  BlobWriter::Events events{Relay(&BlobTransfer::OnOpened),  Relay(&BlobTransfer::OnDamaged),
                            Relay(&BlobTransfer::OnStaged),  Relay(&BlobTransfer::OnWriterFinished),
                            Relay(&BlobTransfer::OnRefused), Relay(&BlobTransfer::OnClosed)};
  if (entry_.size_bytes <= options.small_blob_bytes) {
    return std::make_shared<SmallBlobWriter>(repo_, entry_, context_.cache, context_.disk, context_.committer,
                                             guards_, std::move(events));
  }
  return std::make_shared<PartialWriter>(
      repo_, entry_, PartialWriter::Options{options.journal_every_bytes, options.checkpoint_every_bytes},
      context_.cache, context_.disk, guards_, std::move(events));
}

void BlobTransfer::Reset() {
  ending_ = BlobWriter::Ending::kJournal;
  received_.Clear();
  ClearFailures();
  fetched_at_failure_ = 0;
  start_overs_ = 0;
  is_single_stream_ = false;
  usual_bytes_per_second_ = 0;
  standstill_.reset();
}

void BlobTransfer::Stop(const absl::Status& status) {
  core_.AssertCurrent();
  if (state_ != State::kIdle) {
    Fail(status, BlobWriter::Ending::kCheckpoint);
    return;
  }
  for (Member& member : audience_.TakeAll()) parting_.push_back({std::move(member), status});
  state_ = State::kClosing;
  Relay (&BlobTransfer::OnClosed)();  // as if there had been a file: observers are not called from here
}

void BlobTransfer::Tick() {
  core_.AssertCurrent();
  gate_->SetLimits(audience_.limits());
  if (state_ == State::kMoving) WatchConnections(context_.clock.steady());
  if (has_newcomers_) TellStandstill();
  if (writer_ != nullptr) audience_.TellProgress(writer_->done_bytes(), ReceivedBytes());
}

uint64_t BlobTransfer::TakeReceivedBytes() {
  core_.AssertCurrent();
  const uint64_t received = ReceivedBytes();
  return received - std::exchange(taken_received_bytes_, received);
}

bool BlobTransfer::has_observers() const {
  core_.AssertCurrent();
  return !audience_.empty();
}

Priority BlobTransfer::priority() const {
  core_.AssertCurrent();
  return audience_.priority();
}

Principal BlobTransfer::principal() const {
  core_.AssertCurrent();
  const Member* const member = audience_.MostUrgent();
  return member == nullptr ? Principal() : member->principal;
}

std::string BlobTransfer::job() const {
  core_.AssertCurrent();
  const Member* const member = audience_.MostUrgent();
  return member == nullptr ? std::string() : member->job;
}

void BlobTransfer::OnOpened(absl::StatusOr<std::vector<Extent>> believed) {
  core_.AssertCurrent();
  if (state_ != State::kOpening) return;
  if (absl::IsAlreadyExists(believed.status())) {
    FinishWell();
  } else if (!believed.ok()) {
    Fail(believed.status(), BlobWriter::Ending::kJournal);
  } else {
    state_ = State::kMoving;
    received_ = Extents(*believed);
    owner_.OnDemandChanged();
  }
}

void BlobTransfer::OnDamaged(Extent damaged, int start_overs) {
  core_.AssertCurrent();
  if (start_overs != start_overs_) return;
  received_.Remove(damaged);
  for (auto& [id, connection] : connections_) connection.lost.push_back(damaged);
  fetched_at_failure_ = std::min(fetched_at_failure_, FetchedBytes());
  if (state_ == State::kMoving) owner_.OnDemandChanged();
}

void BlobTransfer::OnStaged() {
  core_.AssertCurrent();
  if (state_ == State::kMoving) owner_.OnStaged(*this);
}

void BlobTransfer::OnWriterFinished(const absl::Status& status, int start_overs) {
  core_.AssertCurrent();
  if (status.ok()) {
    // Whatever else was being done about it is moot. An observer that came while it was being closed is
    // served as well.
    FinishWell();
    return;
  }
  const bool is_going_on =
      state_ == State::kMoving || (state_ == State::kSettling && after_settling_ == AfterSettling::kRedial);
  if (!is_going_on || start_overs != start_overs_) return;
  if (ReasonOf(status) != reason::kDigestMismatch) {
    Fail(status, BlobWriter::Ending::kJournal);
  } else if (start_overs_ == 0) {
    BeginAgain(status);
  } else {
    Fail(status, BlobWriter::Ending::kDiscard);
  }
}

void BlobTransfer::OnRefused(const absl::Status& refusal, int start_overs) {
  core_.AssertCurrent();
  if (state_ == State::kClosing || start_overs != start_overs_) return;
  // Who came after the look was not asked, and is served by a transfer of their own: OnIdle() starts it.
  std::vector<Member> refusing;
  for (Member& member : audience_.TakeAll()) {
    if (guards_->AnswerOf(member.id).ok()) {
      audience_.Add(std::move(member));
    } else {
      refusing.push_back(std::move(member));
    }
  }
  Part(std::move(refusing), refusal);
  CloseWith(BlobWriter::Ending::kDiscard);
}

void BlobTransfer::BeginAgain(const absl::Status& cause) {
  LogWarn("blob begun again from its first byte", Field("repo", repo_.id()),
          Field("entry", entry_.path.text()), Field("reason", ReasonOf(cause)));
  ++start_overs_;
  Settle(AfterSettling::kStartOver);
}

void BlobTransfer::FinishWell() {
  for (auto& [id, connection] : connections_) {
    const SegmentReceiver::View view = connection.receiver->Look();
    if (view.cursor < view.range.end) Drop(connection, Dropped::kSettling);  // else it ends by itself
  }
  const uint64_t received = ReceivedBytes();
  ended_received_bytes_ = received;
  connections_.clear();
  writer_ = nullptr;
  LogDebug("transfer finished", Field("repo", repo_.id()), Field("entry", entry_.path.text()),
           Field("bytes", entry_.size_bytes), Field("received", received));
  Part(audience_.TakeAll(), absl::OkStatus());
  for (Parting& each : parting_) each.status = guards_->AnswerOf(each.member.id);
  state_ = State::kIdle;
  owner_.OnIdle(*this);
  TellParting(entry_.size_bytes);
}

void BlobTransfer::Fail(const absl::Status& status, BlobWriter::Ending ending) {
  Part(audience_.TakeAll(), status);
  CloseWith(ending);
}

void BlobTransfer::CloseWith(BlobWriter::Ending ending) {
  if (state_ == State::kClosing) return;
  if (state_ != State::kSettling) {
    ending_ = ending;
    Settle(AfterSettling::kClose);
    return;
  }
  const bool is_worthless = after_settling_ == AfterSettling::kStartOver;
  ending_ = is_worthless ? BlobWriter::Ending::kDiscard : ending;
  after_settling_ = AfterSettling::kClose;
}

void BlobTransfer::Settle(AfterSettling next) {
  state_ = State::kSettling;
  after_settling_ = next;
  for (auto& [id, connection] : connections_) Drop(connection, Dropped::kSettling);
  if (connections_.empty()) OnSettled();
}

void BlobTransfer::OnSettled() {
  if (after_settling_ == AfterSettling::kClose) {
    state_ = State::kClosing;
    writer_->Close(ending_);
    return;
  }
  if (after_settling_ == AfterSettling::kStartOver) {
    writer_->StartOver();
    received_.Clear();
    fetched_at_failure_ = 0;
  }
  state_ = State::kMoving;
  owner_.OnDemandChanged();
}

void BlobTransfer::OnClosed() {
  core_.AssertCurrent();
  if (state_ != State::kClosing) return;
  const uint64_t done = writer_ == nullptr ? 0 : writer_->done_bytes();
  writer_ = nullptr;
  state_ = State::kIdle;
  owner_.OnIdle(*this);
  TellParting(done);
}

void BlobTransfer::Part(std::vector<Member> members, const absl::Status& status) {
  for (Member& member : members) parting_.push_back({std::move(member), status});
}

void BlobTransfer::TellParting(uint64_t done_bytes) {
  // One by one from the list: whoever is called may make others leave.
  while (!parting_.empty()) {
    const TransferId id = parting_.front().member.id;
    const std::shared_ptr<TransferObserver> observer = parting_.front().member.observer;
    Audience::TellProgress(parting_.front().member, done_bytes, ReceivedBytes());
    if (parting_.empty() || parting_.front().member.id != id) continue;
    const absl::Status status = std::move(parting_.front().status);
    const bool is_elsewhere = parting_.front().member.is_elsewhere;
    parting_.erase(parting_.begin());
    guards_->Remove(id);
    owner_.OnObserverGone(id);
    if (status.ok() && is_elsewhere) observer->OnElsewhere(repo_);
    observer->OnFinished(status);
  }
}

}  // namespace batuta::transfer
