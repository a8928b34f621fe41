#include "daemon/transfer/small_blob_writer.h"

#include <cstring>
#include <utility>

#include "common/status/status.h"
#include "daemon/transfer/content_hash.h"

namespace batuta::transfer {

SmallBlobWriter::SmallBlobWriter(RepoId repo, Entry entry, cache::Cache& cache, WorkerPool& disk,
                                 BlobCommitter& committer, Events events)
    : repo_(std::move(repo)),
      entry_(std::move(entry)),
      cache_(cache),
      committer_(committer),
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
  absl::StatusOr<cache::StagedBlob> staged = Stage();
  content_ = std::string();
  if (!staged.ok()) {
    // Another tool has put the same blob there: as good.
    const bool is_there = absl::IsAlreadyExists(staged.status());
    events_.finished(is_there ? absl::OkStatus() : staged.status(), start_overs_);
    return;
  }
  events_.staged();
  committer_.Add(*std::move(staged),
                 [self = shared_from_this(), start_overs = start_overs_](const absl::Status& status) {
                   self->events_.finished(status, start_overs);
                 });
}

absl::StatusOr<cache::StagedBlob> SmallBlobWriter::Stage() const {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(content_));
  ContentHash hash(entry_.blob.kind(), entry_.size_bytes);
  hash.Update(bytes);
  ASSIGN_OR_RETURN(const std::string actual, hash.Finish());
  if (actual != entry_.blob.hex()) return DigestMismatch(repo_, entry_, actual);
  return cache_.Stage(repo_, entry_.blob, bytes);
}

}  // namespace batuta::transfer
