#include "tests/support/fake_transfer/transfer_world.h"

#include <cstdlib>
#include <utility>

#include "daemon/transfer/content_hash.h"
#include "tests/support/sample_file/sample_file.h"

namespace batuta::transfer {

void RecordingObserver::OnProgress(uint64_t done_bytes, uint64_t received_bytes) {
  if (end) ++calls_after_end;
  done.push_back(done_bytes);
  received += received_bytes;
  if (on_progress) on_progress();
}

void RecordingObserver::OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) {
  if (end) ++calls_after_end;
  waits.push_back({info, cause, attempt});
}

void RecordingObserver::OnElsewhere(const RepoId& repo) {
  elsewhere = repo;
}

void RecordingObserver::OnFinished(const absl::Status& status) {
  if (end) ++calls_after_end;
  end = status;
  if (on_finished) on_finished();
}

std::string MakeContent(size_t size_bytes, uint32_t seed) {
  return size_bytes == 0 ? "" : SampleFile("model.safetensors", size_bytes, seed);
}

BlobId BlobIdOf(const std::string& content, BlobId::Kind kind) {
  ContentHash hash(kind, content.size());
  hash.Update(std::as_bytes(std::span(content)));
  return *BlobId::Parse(*hash.Finish());
}

RepoId TestRepo() {
  return *RepoId::Parse(RepoType::kModel, "acme/otter-7b");
}

Entry EntryOf(const std::string& content, BlobId::Kind kind) {
  return {*RepoPath::Parse("model.safetensors"), content.size(), BlobIdOf(content, kind)};
}

TransferOptions SmallOptions() {
  TransferOptions options;
  options.small_blob_bytes = 0;
  options.spare_at_start = options.connections;
  options.min_segment_bytes = 64 * 1024;
  options.max_segment_bytes = 256 * 1024;
  options.min_piece_bytes = 16 * 1024;
  options.journal_every_bytes = 64 * 1024;
  options.checkpoint_every_bytes = 512 * 1024;
  return options;
}

TransferWorld::TransferWorld(Setup setup)
    : cache(setup.cache ? setup.cache : std::make_shared<FakeCache>()),
      buffers(std::make_unique<BufferPool>(setup.buffers, setup.buffer_bytes)),
      disk(std::make_unique<ManualWorkerPool>(core)),
      transfers(Transfers::Create(setup.options, *cache, core, *disk, *buffers, core.clock(), setup.limit)) {}

TransferWorld::~TransferWorld() {
  if (!is_killed_ && !Drain()) std::abort();  // it hangs: no test may pass over that
}

std::shared_ptr<FakeRangeSource> TransferWorld::Source(std::string content, size_t chunk_bytes) {
  sources_.push_back(FakeRangeSource::Make(core, std::move(content), chunk_bytes));
  return sources_.back();
}

TransferWorld::Joined TransferWorld::Join(const Entry& entry, std::shared_ptr<transport::RangeSource> source,
                                          Priority priority, bool may_wait) {
  return Join({.repo = TestRepo(),
               .entry = entry,
               .source = std::move(source),
               .priority = priority,
               .may_wait = may_wait,
               .principal = {},
               .limit = nullptr});
}

TransferWorld::Joined TransferWorld::Join(TransferSpec spec) {
  auto observer = std::make_shared<RecordingObserver>();
  const TransferId id = transfers->Join(std::move(spec), observer);
  return {id, observer};
}

bool TransferWorld::RunUntilFinished(const RecordingObserver& observer, Duration limit) {
  const SteadyTime end = core.clock().steady() + limit;
  core.RunUntilIdle();
  while (!observer.is_finished() && core.clock().steady() < end) {
    const std::optional<Duration> delay = core.next_delay();
    if (!delay) return false;  // nothing will ever happen again
    core.AdvanceAndRunUntilIdle(*delay);
  }
  return observer.is_finished();
}

bool TransferWorld::Drain() {
  bool is_drained = false;
  transfers->Drain([&is_drained] { is_drained = true; });
  core.RunUntilIdle();
  return is_drained;
}

std::string TransferWorld::Published(const Entry& entry) const {
  return cache->Published(TestRepo(), entry.blob).value_or("");
}

void TransferWorld::Kill() {
  is_killed_ = true;
  cache->Kill();
  for (const std::shared_ptr<FakeRangeSource>& source : sources_) source->Kill();
}

}  // namespace batuta::transfer
