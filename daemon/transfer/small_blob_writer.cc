#include "daemon/transfer/small_blob_writer.h"

#include <cstring>
#include <utility>

#include "common/status/status.h"
#include "daemon/transfer/content_hash.h"

namespace batuta::transfer {

SmallBlobWriter::SmallBlobWriter(RepoId repo, Entry entry, cache::Cache& cache, WorkerPool& disk,
                                 BlobCommitter& committer, std::shared_ptr<GuardPanel> guards, Events events)
    : repo_(std::move(repo)),
      entry_(std::move(entry)),
      cache_(cache),
      committer_(committer),
      guards_(std::move(guards)),
      events_(std::move(events)),
      strand_(disk) {}

template <typename Step>
void SmallBlobWriter::Post(Step step) {
  strand_.Post([self = shared_from_this(), step = std::move(step)]() mutable { step(*self); });
}

void SmallBlobWriter::Open() {
  events_.opened(std::vector<Extent>());
  if (entry_.size_bytes == 0) Post([](SmallBlobWriter& self) { self.FinishWhenWhole(); });
}

void SmallBlobWriter::Write(uint64_t offset, Buffer buffer, size_t length) {
  Post([offset, buffer = std::move(buffer), length](SmallBlobWriter& self) {
    self.WriteNow(offset, buffer.memory().first(length));
  });
}

void SmallBlobWriter::StartOver() {
  Post([](SmallBlobWriter& self) {
    ++self.start_overs_;
    self.Clear();
    self.FinishWhenWhole();  // when it has no bytes
  });
}

void SmallBlobWriter::Close(Ending /*ending*/) {
  Post([](SmallBlobWriter& self) {
    self.Clear();
    self.has_verdict_ = true;  // what arrives late is of no use
    self.events_.closed();
  });
}

void SmallBlobWriter::Clear() {
  content_.clear();
  written_.Clear();
  done_bytes_.store(0, std::memory_order_relaxed);
  has_verdict_ = false;
}

void SmallBlobWriter::WriteNow(uint64_t offset, std::span<const std::byte> bytes) {
  if (has_verdict_) return;
  content_.resize(entry_.size_bytes);
  std::memcpy(content_.data() + offset, bytes.data(), bytes.size());
  written_.Add({offset, offset + bytes.size()});
  done_bytes_.store(written_.total(), std::memory_order_relaxed);
  FinishWhenWhole();
}

void SmallBlobWriter::FinishWhenWhole() {
  if (has_verdict_ || written_.total() < entry_.size_bytes) return;
  has_verdict_ = true;
  Decide();
  content_ = std::string();
}

void SmallBlobWriter::Decide() {
  if (const absl::Status right = CheckHash(); !right.ok()) return events_.finished(right, start_overs_);
  safety::MemorySource bytes(content_);
  if (const absl::Status refusal = guards_->Check(bytes, Arrived::kWhole); !refusal.ok()) {
    return events_.refused(refusal, start_overs_);
  }
  absl::StatusOr<cache::StagedBlob> staged =
      cache_.Stage(repo_, entry_.blob, std::as_bytes(std::span(content_)));
  if (!staged.ok()) {
    // Another tool has put the same blob there: as good.
    const bool is_there = absl::IsAlreadyExists(staged.status());
    return events_.finished(is_there ? absl::OkStatus() : staged.status(), start_overs_);
  }
  events_.staged();
  committer_.Add(*std::move(staged),
                 [self = shared_from_this(), start_overs = start_overs_](const absl::Status& status) {
                   self->events_.finished(status, start_overs);
                 });
}

absl::Status SmallBlobWriter::CheckHash() const {
  ContentHash hash(entry_.blob.kind(), entry_.size_bytes);
  hash.Update(std::as_bytes(std::span(content_)));
  ASSIGN_OR_RETURN(const std::string actual, hash.Finish());
  return actual == entry_.blob.hex() ? absl::OkStatus() : DigestMismatch(repo_, entry_, actual);
}

}  // namespace batuta::transfer
