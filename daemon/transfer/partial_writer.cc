#include "daemon/transfer/partial_writer.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::transfer {
namespace {

// Buffers that wait to be hashed are missing elsewhere: beyond so much the lane reads the bytes back, from
// the page cache.
constexpr uint64_t kMostLentBytes = 8 << 20;

// While nothing waits to be written, the journal is kept so many times finer.
constexpr uint64_t kIdleJournalShare = 8;

// The guards look at a beginning of this size, then at ones so many times as long, up to the last.
constexpr uint64_t kFirstLookBytes = 64 << 10;
constexpr uint64_t kLookGrowth = 16;
constexpr uint64_t kLastLookBytes = 16 << 20;

// What is on the disk of a blob, from its first byte up to `here_bytes`.
class PartialSource final : public safety::ByteSource {
 public:
  PartialSource(cache::Partial& partial, uint64_t here_bytes) : partial_(partial), here_bytes_(here_bytes) {}

  uint64_t size_bytes() const override { return partial_.size_bytes(); }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    if (offset > here_bytes_ || out.size() > here_bytes_ - offset)
      return absl::OutOfRangeError("not here yet");
    ASSIGN_OR_RETURN(const size_t count, partial_.ReadAt(offset, std::as_writable_bytes(out)));
    return count == out.size() ? absl::OkStatus() : absl::DataLossError("the partial file became shorter");
  }

 private:
  cache::Partial& partial_;
  const uint64_t here_bytes_;
};

}  // namespace

PartialWriter::PartialWriter(RepoId repo, Entry entry, Options options, cache::Cache& cache, WorkerPool& disk,
                             std::shared_ptr<GuardPanel> guards, Events events)
    : repo_(std::move(repo)),
      entry_(std::move(entry)),
      options_(options),
      cache_(cache),
      disk_(disk),
      guards_(std::move(guards)),
      events_(std::move(events)),
      strand_(disk) {}

template <typename Step>
void PartialWriter::Post(Step step) {
  strand_.Post([self = shared_from_this(), step = std::move(step)]() mutable { step(*self); });
}

void PartialWriter::Open() {
  Post([](PartialWriter& self) { self.OpenNow(); });
}

void PartialWriter::Write(uint64_t offset, Buffer buffer, size_t length) {
  queued_writes_.fetch_add(1, std::memory_order_relaxed);
  Post([offset, buffer = std::move(buffer), length](PartialWriter& self) mutable {
    self.WriteNow(offset, std::move(buffer), length);
    self.queued_writes_.fetch_sub(1, std::memory_order_relaxed);
  });
}

void PartialWriter::StartOver() {
  Post([](PartialWriter& self) { self.StartOverNow(); });
}

void PartialWriter::Close(Ending ending) {
  Post([ending](PartialWriter& self) { self.CloseNow(ending); });
}

void PartialWriter::OpenNow() {
  absl::StatusOr<std::unique_ptr<cache::Partial>> partial =
      cache_.OpenPartial(repo_, entry_.blob, entry_.size_bytes);
  if (!partial.ok()) {
    events_.opened(partial.status());
    return;
  }
  partial_ = *std::move(partial);
  written_ = Extents(partial_->believed());
  checks_ = std::make_shared<PieceChecks>(entry_.size_bytes, partial_->sums());
  done_bytes_.store(written_.total(), std::memory_order_relaxed);
  look_at_bytes_ = kFirstLookBytes;
  events_.opened(written_.list());
  OpenLane();
}

void PartialWriter::OpenLane() {
  // What an earlier lane has still to say is of no use.
  const auto hear = [weak = weak_from_this(), number = ++lanes_](auto step) {
    const std::shared_ptr<PartialWriter> self = weak.lock();
    if (self == nullptr) return;
    self->Post([number, step = std::move(step)](PartialWriter& writer) {
      if (writer.lanes_ == number && writer.IsWriting()) step(writer);
    });
  };
  HashLane::Events events{
      [hear](Extent damaged) { hear([damaged](PartialWriter& writer) { writer.OnDamaged(damaged); }); },
      [hear](absl::StatusOr<std::string> hash) {
        hear([hash = std::move(hash)](PartialWriter& writer) { writer.OnHashed(hash); });
      }};
  lane_ = std::make_shared<HashLane>(entry_.blob.kind(), entry_.size_bytes, partial_, checks_, disk_,
                                     std::move(events));
  run_end_ = written_.EndOfRun(0);
  lane_->Advance(run_end_);
}

void PartialWriter::WriteNow(uint64_t offset, Buffer buffer, size_t length) {
  if (!IsWriting()) return;
  if (const absl::Status status = Store(offset, buffer.memory().first(length)); !status.ok()) {
    Give(status);
    return;
  }
  if (!IsBeginningWelcome()) return;
  FeedLane(offset, std::move(buffer), length);
}

// What is not what its name says is not worth the rest of its bytes.
bool PartialWriter::IsBeginningWelcome() {
  const uint64_t here_bytes = written_.EndOfRun(0);
  if (here_bytes < look_at_bytes_ || here_bytes == entry_.size_bytes) return true;
  while (look_at_bytes_ <= here_bytes) {
    look_at_bytes_ = look_at_bytes_ < kLastLookBytes ? look_at_bytes_ * kLookGrowth : entry_.size_bytes + 1;
  }
  PartialSource beginning(*partial_, here_bytes);
  const absl::Status refusal = guards_->Check(beginning, Arrived::kBeginning);
  if (!refusal.ok()) Refuse(refusal);
  return refusal.ok();
}

void PartialWriter::FeedLane(uint64_t offset, Buffer buffer, size_t length) {
  const uint64_t run_end = written_.EndOfRun(run_end_);
  if (run_end == run_end_) return;
  const bool is_lent = offset == run_end_ && lane_->lag_bytes() < kMostLentBytes;
  run_end_ = run_end;
  if (is_lent) lane_->Advance(offset + length, std::move(buffer), length);
  // What follows it was there already.
  if (!is_lent || run_end > offset + length) lane_->Advance(run_end);
}

absl::Status PartialWriter::Store(uint64_t offset, std::span<const std::byte> bytes) {
  for (const Extent& gap : written_.Gaps({offset, offset + bytes.size()})) {
    const std::span<const std::byte> fresh = bytes.subspan(gap.begin - offset, gap.end - gap.begin);
    RETURN_IF_ERROR(partial_->WriteAt(gap.begin, fresh));
    written_.Add(gap);
    checks_->OnArrived(gap.begin, fresh);
    since_journal_bytes_ += fresh.size();
    since_checkpoint_bytes_ += fresh.size();
  }
  done_bytes_.store(written_.total(), std::memory_order_relaxed);
  return KeepJournal();
}

absl::Status PartialWriter::KeepJournal() {
  if (written_.total() == entry_.size_bytes)
    return absl::OkStatus();  // publishing makes the journal needless
  if (since_checkpoint_bytes_ >= options_.checkpoint_every_bytes) {
    since_checkpoint_bytes_ = 0;
    since_journal_bytes_ = 0;
    return partial_->Checkpoint(written_.list(), checks_->sums());
  }
  // An idle disk has time to be exact.
  const bool is_last_in_line = queued_writes_.load(std::memory_order_relaxed) <= 1;
  const uint64_t every_bytes =
      is_last_in_line ? options_.journal_every_bytes / kIdleJournalShare : options_.journal_every_bytes;
  if (since_journal_bytes_ < every_bytes) return absl::OkStatus();
  since_journal_bytes_ = 0;
  return partial_->Journal(written_.list(), checks_->sums());
}

void PartialWriter::OnDamaged(Extent damaged) {
  LogWarn("the disk has damaged a part of a file that is being pulled; it is fetched again",
          Field("repo", repo_.id()), Field("entry", entry_.path.text()), Field("begin", damaged.begin),
          Field("end", damaged.end));
  written_.Remove(damaged);
  checks_->Forget(damaged);
  done_bytes_.store(written_.total(), std::memory_order_relaxed);
  if (const absl::Status status = partial_->Journal(written_.list(), checks_->sums()); !status.ok()) {
    Give(status);
    return;
  }
  run_end_ = damaged.begin;
  lane_->Resume(run_end_);
  events_.damaged(damaged, start_overs_);
}

void PartialWriter::OnHashed(const absl::StatusOr<std::string>& hash) {
  if (!hash.ok()) return Give(hash.status());
  PublishIfRight(*hash);
}

void PartialWriter::PublishIfRight(const std::string& hash) {
  is_damaged_ = hash != entry_.blob.hex();
  if (is_damaged_) return Give(DigestMismatch(repo_, entry_, hash));
  PartialSource whole(*partial_, entry_.size_bytes);
  if (const absl::Status refusal = guards_->Check(whole, Arrived::kWhole); !refusal.ok())
    return Refuse(refusal);
  const absl::Status published = partial_->Publish(checks_->sums());
  partial_.reset();
  Give(published);
}

void PartialWriter::Refuse(const absl::Status& refusal) {
  has_verdict_ = true;
  events_.refused(refusal, start_overs_);
}

void PartialWriter::Give(const absl::Status& verdict) {
  has_verdict_ = true;
  events_.finished(verdict, start_overs_);
}

void PartialWriter::StartOverNow() {
  ++start_overs_;
  if (partial_ == nullptr) return;  // published, or it never opened
  lane_->Stop(nullptr);
  has_verdict_ = false;
  is_damaged_ = false;
  written_.Clear();
  checks_ = std::make_shared<PieceChecks>(entry_.size_bytes, cache::PieceSums());
  since_journal_bytes_ = 0;
  since_checkpoint_bytes_ = 0;
  look_at_bytes_ = kFirstLookBytes;
  done_bytes_.store(0, std::memory_order_relaxed);
  if (const absl::Status status = partial_->StartOver(); !status.ok()) {
    Give(status);
    return;
  }
  OpenLane();
}

void PartialWriter::CloseNow(Ending ending) {
  if (partial_ == nullptr) {
    events_.closed();
    return;
  }
  has_verdict_ = true;  // what arrives late is of no use
  // The file is free for its next user only when the lane, too, has let go of it.
  lane_->Stop([self = shared_from_this(), ending] {
    self->Post([ending](PartialWriter& writer) { writer.CloseFile(ending); });
  });
}

void PartialWriter::CloseFile(Ending ending) {
  absl::Status status;
  if (ending == Ending::kDiscard || is_damaged_) {
    status = partial_->Discard();
  } else {
    status = ending == Ending::kCheckpoint ? partial_->Checkpoint(written_.list(), checks_->sums())
                                           : partial_->Journal(written_.list(), checks_->sums());
  }
  if (!status.ok()) {
    LogWarn("partial file not kept as it stands; more will be fetched again", Field("repo", repo_.id()),
            Field("blob", entry_.blob.hex()), Field("error", MessageOf(status)));
  }
  partial_.reset();
  events_.closed();
}

}  // namespace batuta::transfer
