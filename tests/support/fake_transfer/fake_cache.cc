#include "tests/support/fake_transfer/fake_cache.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/transfer/extents.h"

namespace batuta::transfer {

namespace {

using Key = std::pair<RepoId, BlobId>;

struct Blob {
  std::string content;
  Extents written;
  std::vector<cache::Extent> journal;
  std::vector<cache::Extent> checkpoint;
  cache::PieceSums sums;
  bool has_file = false;
  bool is_published = false;
  int users = 0;
};

struct Fault {
  absl::Status error;
  uint64_t skip = 0;
  uint64_t times = 0;
};

absl::Status NotPartOfThisFake() {
  return absl::UnimplementedError("FakeCache does partial files only");
}

}  // namespace

struct FakeCache::Disk {
  mutable Mutex mutex;
  std::map<Key, Blob> blobs ABSL_GUARDED_BY(mutex);
  std::map<Call, Fault> faults ABSL_GUARDED_BY(mutex);
  std::map<Call, uint64_t> calls ABSL_GUARDED_BY(mutex);
  uint64_t written_bytes ABSL_GUARDED_BY(mutex) = 0;
  int boot ABSL_GUARDED_BY(mutex) = 0;
  std::vector<std::string> complaints ABSL_GUARDED_BY(mutex);
  std::map<std::filesystem::path, Key> staged ABSL_GUARDED_BY(mutex);  // ever

  absl::Status Count(Call call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    ++calls[call];
    const auto i = faults.find(call);
    if (i == faults.end()) return absl::OkStatus();
    if (i->second.skip > 0) {
      --i->second.skip;
      return absl::OkStatus();
    }
    if (i->second.times == 0) return absl::OkStatus();
    --i->second.times;
    return i->second.error;
  }

  void Complain(std::string what) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    complaints.push_back(std::move(what));
  }

  void Restart(bool is_power_cut) {
    MutexLock lock(mutex);
    ++boot;
    for (auto& [key, blob] : blobs) {
      blob.users = 0;
      if (blob.is_published) continue;
      if (is_power_cut) blob.journal = blob.checkpoint;
      blob.written = Extents(blob.journal);
      for (const cache::Extent& gap : blob.written.Gaps({0, blob.content.size()})) {
        std::fill(blob.content.begin() + static_cast<ptrdiff_t>(gap.begin),
                  blob.content.begin() + static_cast<ptrdiff_t>(gap.end), '?');
      }
    }
  }
};

class FakeCache::OpenFile final : public cache::Partial {
 public:
  OpenFile(std::shared_ptr<Disk> disk, Key key, uint64_t size_bytes, std::vector<cache::Extent> believed,
           cache::PieceSums sums, int boot)
      : disk_(std::move(disk)),
        key_(std::move(key)),
        size_bytes_(size_bytes),
        believed_(std::move(believed)),
        sums_(std::move(sums)),
        boot_(boot) {}

  ~OpenFile() override {
    MutexLock lock(disk_->mutex);
    if (disk_->boot == boot_) --disk_->blobs[key_].users;
  }

  const BlobId& blob() const override { return key_.second; }

  uint64_t size_bytes() const override { return size_bytes_; }

  const std::vector<cache::Extent>& believed() const override { return believed_; }

  const cache::PieceSums& sums() const override { return sums_; }

  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    MutexLock lock(disk_->mutex);
    Blob* blob = Begin(Call::kWrite, "write");
    if (blob == nullptr) return Dead();
    RETURN_IF_ERROR(disk_->Count(Call::kWrite));
    const cache::Extent extent{offset, offset + bytes.size()};
    const std::vector<cache::Extent> fresh = blob->written.Gaps(extent);
    if (fresh != std::vector<cache::Extent>{extent}) disk_->Complain("bytes written twice");
    if (extent.end > size_bytes_) disk_->Complain("bytes written beyond the end");
    blob->content.resize(std::max<size_t>(blob->content.size(), extent.end));
    std::memcpy(blob->content.data() + offset, bytes.data(), bytes.size());
    blob->written.Add(extent);
    disk_->written_bytes += bytes.size();
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> bytes) override {
    MutexLock lock(disk_->mutex);
    Blob* blob = Begin(Call::kRead, "read");
    if (blob == nullptr) return Dead();
    RETURN_IF_ERROR(disk_->Count(Call::kRead));
    const size_t length =
        offset < blob->content.size() ? std::min(bytes.size(), blob->content.size() - offset) : 0;
    std::memcpy(bytes.data(), blob->content.data() + offset, length);
    return length;
  }

  absl::Status Journal(const std::vector<cache::Extent>& written, const cache::PieceSums& sums) override {
    MutexLock lock(disk_->mutex);
    Blob* blob = Begin(Call::kJournal, "journal");
    if (blob == nullptr) return Dead();
    RETURN_IF_ERROR(disk_->Count(Call::kJournal));
    return Note(*blob, written, sums);
  }

  absl::Status Checkpoint(const std::vector<cache::Extent>& written, const cache::PieceSums& sums) override {
    MutexLock lock(disk_->mutex);
    Blob* blob = Begin(Call::kCheckpoint, "checkpoint");
    if (blob == nullptr) return Dead();
    RETURN_IF_ERROR(disk_->Count(Call::kCheckpoint));
    blob->checkpoint = written;
    return Note(*blob, written, sums);
  }

  absl::Status StartOver() override {
    MutexLock lock(disk_->mutex);
    Blob* blob = Begin(Call::kStartOver, "start over");
    if (blob == nullptr) return Dead();
    RETURN_IF_ERROR(disk_->Count(Call::kStartOver));
    Forget(*blob);
    return absl::OkStatus();
  }

  absl::Status Publish(const cache::PieceSums& /*sums*/) override {
    MutexLock lock(disk_->mutex);
    Blob* blob = Begin(Call::kPublish, "publish");
    if (blob == nullptr) return Dead();
    RETURN_IF_ERROR(disk_->Count(Call::kPublish));
    has_ended_ = true;
    blob->is_published = true;
    return absl::OkStatus();
  }

  absl::Status Discard() override {
    MutexLock lock(disk_->mutex);
    Blob* blob = Begin(Call::kDiscard, "discard");
    if (blob == nullptr) return Dead();
    RETURN_IF_ERROR(disk_->Count(Call::kDiscard));
    has_ended_ = true;
    Forget(*blob);
    blob->has_file = false;
    return absl::OkStatus();
  }

 private:
  static absl::Status Dead() { return absl::UnavailableError("the process that opened this file is dead"); }

  static void Forget(Blob& blob) {
    blob.content.clear();
    blob.written.Clear();
    blob.journal.clear();
    blob.checkpoint.clear();
    blob.sums = {};
  }

  // Null when the process is dead.
  Blob* Begin(Call, const char* what) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_->mutex) {
    if (disk_->boot != boot_) return nullptr;
    if (has_ended_) disk_->Complain(fmt::format("{} after the end", what));
    return &disk_->blobs[key_];
  }

  absl::Status Note(Blob& blob, const std::vector<cache::Extent>& written, const cache::PieceSums& sums)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_->mutex) {
    for (const cache::Extent& extent : written) {
      if (!blob.written.Contains(extent)) disk_->Complain("journalled, but not written");
    }
    blob.journal = written;
    blob.written = Extents(written);  // what is given up may be written again
    blob.sums = sums;
    return absl::OkStatus();
  }

  const std::shared_ptr<Disk> disk_;
  const Key key_;
  const uint64_t size_bytes_;
  const std::vector<cache::Extent> believed_;
  const cache::PieceSums sums_;
  const int boot_;
  bool has_ended_ = false;
};

FakeCache::FakeCache() : disk_(std::make_shared<Disk>()) {}

FakeCache::~FakeCache() = default;

void FakeCache::Fail(Call call, absl::Status error, uint64_t skip, uint64_t times) {
  MutexLock lock(disk_->mutex);
  disk_->faults[call] = {std::move(error), skip, times};
}

void FakeCache::Heal() {
  MutexLock lock(disk_->mutex);
  disk_->faults.clear();
}

void FakeCache::Kill() {
  disk_->Restart(false);
}

void FakeCache::CutPower() {
  disk_->Restart(true);
}

void FakeCache::PutPublished(const RepoId& repo, const BlobId& blob, std::string content) {
  MutexLock lock(disk_->mutex);
  Blob& kept = disk_->blobs[{repo, blob}];
  kept.content = std::move(content);
  kept.is_published = true;
}

void FakeCache::PutPartial(const RepoId& repo, const BlobId& blob, std::string content,
                           std::vector<cache::Extent> believed, cache::PieceSums sums) {
  MutexLock lock(disk_->mutex);
  Blob& kept = disk_->blobs[{repo, blob}];
  kept.content = std::move(content);
  kept.has_file = true;
  kept.written = Extents(believed);
  kept.journal = believed;
  kept.checkpoint = std::move(believed);
  kept.sums = std::move(sums);
}

std::optional<std::string> FakeCache::Published(const RepoId& repo, const BlobId& blob) const {
  MutexLock lock(disk_->mutex);
  const auto i = disk_->blobs.find({repo, blob});
  if (i == disk_->blobs.end() || !i->second.is_published) return std::nullopt;
  return i->second.content;
}

bool FakeCache::HasPartial(const RepoId& repo, const BlobId& blob) const {
  MutexLock lock(disk_->mutex);
  const auto i = disk_->blobs.find({repo, blob});
  return i != disk_->blobs.end() && i->second.has_file && !i->second.is_published;
}

void FakeCache::FlipByte(const RepoId& repo, const BlobId& blob, uint64_t offset) {
  MutexLock lock(disk_->mutex);
  char& byte = disk_->blobs[{repo, blob}].content[offset];
  byte = static_cast<char>(byte ^ 1);
}

std::vector<cache::Extent> FakeCache::Journalled(const RepoId& repo, const BlobId& blob) const {
  MutexLock lock(disk_->mutex);
  const auto i = disk_->blobs.find({repo, blob});
  return i == disk_->blobs.end() ? std::vector<cache::Extent>{} : i->second.journal;
}

uint64_t FakeCache::calls(Call call) const {
  MutexLock lock(disk_->mutex);
  const auto i = disk_->calls.find(call);
  return i == disk_->calls.end() ? 0 : i->second;
}

uint64_t FakeCache::written_bytes() const {
  MutexLock lock(disk_->mutex);
  return disk_->written_bytes;
}

int FakeCache::open_partials() const {
  MutexLock lock(disk_->mutex);
  int sum = 0;
  for (const auto& [key, blob] : disk_->blobs) sum += blob.users;
  return sum;
}

std::vector<std::string> FakeCache::complaints() const {
  MutexLock lock(disk_->mutex);
  return disk_->complaints;
}

absl::StatusOr<std::unique_ptr<cache::Partial>> FakeCache::OpenPartial(const RepoId& repo, const BlobId& blob,
                                                                       uint64_t size_bytes) {
  MutexLock lock(disk_->mutex);
  RETURN_IF_ERROR(disk_->Count(Call::kOpen));
  Blob& kept = disk_->blobs[{repo, blob}];
  if (kept.is_published) return absl::AlreadyExistsError("the blob is whole already");
  if (++kept.users > 1) disk_->Complain("one blob open twice");
  kept.has_file = true;
  kept.written = Extents(kept.journal);
  return std::make_unique<OpenFile>(disk_, Key{repo, blob}, size_bytes, kept.journal, kept.sums, disk_->boot);
}

absl::StatusOr<uint64_t> FakeCache::PartialBytes(const RepoId&, const BlobId&) {
  return NotPartOfThisFake();
}

absl::StatusOr<cache::StagedBlob> FakeCache::Stage(const RepoId& repo, const BlobId& blob,
                                                   std::span<const std::byte> bytes) {
  MutexLock lock(disk_->mutex);
  RETURN_IF_ERROR(disk_->Count(Call::kStage));
  if (disk_->blobs[{repo, blob}].is_published) return absl::AlreadyExistsError("the blob is whole already");
  const std::filesystem::path temp = fmt::format("/staged/{}", disk_->staged.size());
  disk_->staged.emplace(temp, Key{repo, blob});
  std::string content(bytes.size(), '\0');
  std::memcpy(content.data(), bytes.data(), bytes.size());
  staging_.Put(temp, content);
  return cache::StagedBlob(staging_, temp, fmt::format("/blobs/{}", blob.hex()));
}

absl::StatusOr<std::optional<cache::StagedBlob>> FakeCache::StageFrom(const RepoId&, const RepoId&,
                                                                      const BlobId&, uint64_t) {
  return NotPartOfThisFake();
}

std::vector<absl::Status> FakeCache::Publish(std::vector<cache::StagedBlob> blobs) {
  MutexLock lock(disk_->mutex);
  std::vector<absl::Status> results(blobs.size(), disk_->Count(Call::kPublishStaged));
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (!results[i].ok()) continue;
    Blob& blob = disk_->blobs[disk_->staged.at(blobs[i].temp())];
    blob.content = staging_.Get(blobs[i].temp()).value_or("");
    blob.is_published = true;
    blob.has_file = false;
  }
  return results;  // the staged files go with `blobs`
}

std::vector<std::string> FakeCache::Staged() const {
  std::vector<std::string> paths = staging_.Paths();
  std::erase_if(paths,
                [](const std::string& path) { return !path.starts_with("/staged/") || path.ends_with('/'); });
  return paths;
}

absl::StatusOr<std::optional<CommitId>> FakeCache::ReadRef(const RepoId&, const Revision&) {
  return NotPartOfThisFake();
}

absl::StatusOr<std::optional<Tree>> FakeCache::ReadTree(const RepoId&, const CommitId&) {
  return NotPartOfThisFake();
}

absl::StatusOr<std::optional<Tree>> FakeCache::ReadSnapshot(const RepoId&, const CommitId&) {
  return NotPartOfThisFake();
}

absl::StatusOr<std::vector<bool>> FakeCache::ArePresent(const RepoId&, const CommitId&,
                                                        const std::vector<Entry>&) {
  return NotPartOfThisFake();
}

std::filesystem::path FakeCache::SnapshotPath(const RepoId&, const CommitId&) const {
  return root_;
}

absl::StatusOr<std::unique_ptr<File>> FakeCache::OpenPlace(const cache::FilePlace&) {
  return NotPartOfThisFake();
}

absl::StatusOr<std::unique_ptr<File>> FakeCache::OpenToVerify(const cache::FilePlace&) {
  return NotPartOfThisFake();
}

absl::StatusOr<std::optional<cache::Withdrawal>> FakeCache::Withdraw(const cache::FilePlace&,
                                                                     const cache::Damage&) {
  return NotPartOfThisFake();
}

absl::StatusOr<SpaceInfo> FakeCache::Space() {
  return NotPartOfThisFake();
}

absl::StatusOr<bool> FakeCache::LinkExisting(const RepoId&, const CommitId&, const Entry&) {
  return NotPartOfThisFake();
}

absl::Status FakeCache::WriteTree(const RepoId&, const Tree&) {
  return NotPartOfThisFake();
}

absl::Status FakeCache::WriteRef(const RepoId&, const Revision&, const CommitId&) {
  return NotPartOfThisFake();
}

absl::Status FakeCache::WriteNoExist(const RepoId&, const CommitId&, const RepoPath&) {
  return NotPartOfThisFake();
}

absl::Status FakeCache::ApplyReaders(const RepoId&) {
  return absl::OkStatus();
}

absl::StatusOr<cache::RootListing> FakeCache::ListRoot() {
  return NotPartOfThisFake();
}

absl::StatusOr<cache::RepoSurvey> FakeCache::Survey(const RepoId&) {
  return NotPartOfThisFake();
}

bool FakeCache::IsAsStamped(const RepoId&, const std::vector<cache::Stamp>&) {
  return false;
}

absl::StatusOr<std::unique_ptr<File>> FakeCache::OpenForReading(const RepoId&, const CommitId&,
                                                                const std::string&) {
  return NotPartOfThisFake();
}

absl::StatusOr<cache::Removal> FakeCache::Remove(const RepoId&, const CommitId&,
                                                 const std::vector<std::string>&, absl::FunctionRef<bool()>) {
  return NotPartOfThisFake();
}

absl::StatusOr<cache::Removal> FakeCache::RemoveLoose(const RepoId&, const std::vector<std::string>&) {
  return NotPartOfThisFake();
}

}  // namespace batuta::transfer
