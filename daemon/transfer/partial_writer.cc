#include "daemon/transfer/partial_writer.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::transfer {
namespace {

// What is read back and hashed in one step, so that writes never wait long behind it.
constexpr uint64_t kHashStepBytes = 1 << 20;

// While nothing waits to be written, the journal is kept so many times finer.
constexpr uint64_t kIdleJournalShare = 8;

}  // namespace

PartialWriter::PartialWriter(RepoId repo, Entry entry, Options options, cache::Cache& cache, WorkerPool& disk,
                             Events events)
    : repo_(std::move(repo)),
      entry_(std::move(entry)),
      options_(options),
      cache_(cache),
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
  checks_.emplace(entry_.size_bytes, partial_->sums());
  hash_.emplace(entry_.blob.kind(), entry_.size_bytes);
  done_bytes_.store(written_.total(), std::memory_order_relaxed);
  events_.opened(written_.list());
  Proceed(0);
}

void PartialWriter::WriteNow(uint64_t offset, Buffer buffer, size_t length) {
  if (!IsWriting()) return;
  if (const absl::Status status = Store(offset, buffer.memory().first(length)); !status.ok()) {
    Give(status);
    return;
  }
  buffer = Buffer();  // the network may have it back before the hash catches up
  // At least as much is hashed as is written: the hash never falls behind for good, however busy the strand
  // is.
  Proceed(std::max<uint64_t>(length, kHashStepBytes / 4));
}

absl::Status PartialWriter::Store(uint64_t offset, std::span<const std::byte> bytes) {
  for (const Extent& gap : written_.Gaps({offset, offset + bytes.size()})) {
    const std::span<const std::byte> fresh = bytes.subspan(gap.begin - offset, gap.end - gap.begin);
    RETURN_IF_ERROR(partial_->WriteAt(gap.begin, fresh));
    written_.Add(gap);
    hash_->OnWritten(gap.begin, fresh);
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

void PartialWriter::Proceed(uint64_t hash_limit_bytes) {
  if (!IsWriting()) return;
  const absl::StatusOr<std::optional<Extent>> damaged =
      hash_->CatchUp(*partial_, written_, *checks_, hash_limit_bytes);
  absl::Status status = damaged.status();
  if (damaged.ok() && damaged->has_value()) status = GiveUp(**damaged);
  if (!status.ok()) {
    Give(status);
    return;
  }
  if (!hash_->IsBehind(written_)) {
    FinishWhenWhole();
    return;
  }
  if (std::exchange(is_hash_step_posted_, true)) return;
  Post([](PartialWriter& self) {
    self.is_hash_step_posted_ = false;
    self.Proceed(kHashStepBytes);
  });
}

absl::Status PartialWriter::GiveUp(Extent damaged) {
  LogWarn("the disk has damaged a part of a file that is being pulled; it is fetched again",
          Field("repo", repo_.id()), Field("entry", entry_.path.text()), Field("begin", damaged.begin),
          Field("end", damaged.end));
  written_.Remove(damaged);
  checks_->Forget(damaged);
  done_bytes_.store(written_.total(), std::memory_order_relaxed);
  RETURN_IF_ERROR(partial_->Journal(written_.list(), checks_->sums()));
  events_.damaged(damaged, start_overs_);
  return absl::OkStatus();
}

void PartialWriter::FinishWhenWhole() {
  if (hash_->front() < entry_.size_bytes) return;
  absl::Status verdict = Verify();
  is_damaged_ = verdict.code() == absl::StatusCode::kDataLoss;
  if (verdict.ok()) {
    verdict = partial_->Publish();
    partial_.reset();
  }
  Give(verdict);
}

absl::Status PartialWriter::Verify() {
  ASSIGN_OR_RETURN(const std::string actual, hash_->Finish());
  return actual == entry_.blob.hex() ? absl::OkStatus() : DigestMismatch(repo_, entry_, actual);
}

void PartialWriter::Give(const absl::Status& verdict) {
  has_verdict_ = true;
  events_.finished(verdict, start_overs_);
}

void PartialWriter::StartOverNow() {
  ++start_overs_;
  if (partial_ == nullptr) return;  // published, or it never opened
  has_verdict_ = false;
  is_damaged_ = false;
  written_.Clear();
  checks_.emplace(entry_.size_bytes, cache::PieceSums());
  hash_.emplace(entry_.blob.kind(), entry_.size_bytes);
  since_journal_bytes_ = 0;
  since_checkpoint_bytes_ = 0;
  done_bytes_.store(0, std::memory_order_relaxed);
  if (const absl::Status status = partial_->StartOver(); !status.ok()) {
    Give(status);
    return;
  }
  Proceed(0);
}

void PartialWriter::CloseNow(Ending ending) {
  if (partial_ != nullptr) {
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
  }
  events_.closed();
}

}  // namespace batuta::transfer
