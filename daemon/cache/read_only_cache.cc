#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/quarantine.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;

// ReadOnlyCache is the Cache that never writes.
class ReadOnlyCache final : public Cache {
 public:
  ReadOnlyCache(Path root, FileSystem& files)
      : layout_(std::move(root)), files_(files), reader_(layout_, files) {}

  absl::StatusOr<std::optional<CommitId>> ReadRef(const RepoId& repo, const Revision& revision) override {
    return reader_.ReadRef(repo, revision);
  }

  absl::StatusOr<std::optional<Tree>> ReadTree(const RepoId& repo, const CommitId& commit) override {
    return reader_.ReadTree(repo, commit);
  }

  absl::StatusOr<std::optional<Tree>> ReadSnapshot(const RepoId& repo, const CommitId& commit) override {
    return reader_.ReadSnapshot(repo, commit);
  }

  absl::StatusOr<std::vector<bool>> ArePresent(const RepoId& repo, const CommitId& commit,
                                               const std::vector<Entry>& entries) override {
    return reader_.ArePresent(repo, commit, entries);
  }

  Path SnapshotPath(const RepoId& repo, const CommitId& commit) const override {
    return layout_.Snapshot(repo, commit);
  }

  absl::StatusOr<RootListing> ListRoot() override { return reader_.ListRoot(); }

  absl::StatusOr<RepoSurvey> Survey(const RepoId& repo) override { return SurveyRepo(layout_, files_, repo); }

  bool IsAsStamped(const RepoId& repo, const std::vector<Stamp>& stamps) override {
    return cache::IsAsStamped(layout_, files_, repo, stamps);
  }

  absl::StatusOr<std::unique_ptr<File>> OpenForReading(const RepoId& repo, const CommitId& commit,
                                                       const std::string& path) override {
    return files_.Open(layout_.Snapshot(repo, commit) / path, OpenMode::kRead);
  }

  absl::StatusOr<std::unique_ptr<File>> OpenPlace(const FilePlace& place) override {
    return files_.Open(PathOf(layout_, place), OpenMode::kRead);
  }

  absl::StatusOr<std::unique_ptr<File>> OpenToVerify(const FilePlace& place) override {
    return files_.Open(PathOf(layout_, place), OpenMode::kReadDirect);
  }

  absl::StatusOr<std::optional<Withdrawal>> Withdraw(const FilePlace&, const Damage&) override {
    return Refusal();
  }

  absl::StatusOr<SpaceInfo> Space() override { return reader_.Space(); }

  const Path& root() const override { return layout_.root(); }

  const Abilities& abilities() const override { return abilities_; }

  absl::StatusOr<std::unique_ptr<Partial>> OpenPartial(const RepoId&, const BlobId&, uint64_t) override {
    return Refusal();
  }

  absl::StatusOr<uint64_t> PartialBytes(const RepoId&, const BlobId&) override { return 0; }

  absl::StatusOr<StagedBlob> Stage(const RepoId&, const BlobId&, std::span<const std::byte>) override {
    return Refusal();
  }

  absl::StatusOr<std::optional<StagedBlob>> StageFrom(const RepoId&, const RepoId&, const BlobId&,
                                                      uint64_t) override {
    return Refusal();
  }

  std::vector<absl::Status> Publish(std::vector<StagedBlob> blobs) override {
    return std::vector<absl::Status>(blobs.size(), Refusal());
  }

  // What is in place already needs no writing.
  absl::StatusOr<bool> LinkExisting(const RepoId& repo, const CommitId& commit, const Entry& entry) override {
    ASSIGN_OR_RETURN(const std::vector<bool> is_there, reader_.ArePresent(repo, commit, {entry}));
    if (is_there.front()) return true;
    return Refusal();
  }

  absl::Status WriteTree(const RepoId&, const Tree&) override { return Refusal(); }

  absl::Status WriteRef(const RepoId& repo, const Revision& revision, const CommitId& commit) override {
    ASSIGN_OR_RETURN(const std::optional<CommitId> current, reader_.ReadRef(repo, revision));
    return current == commit ? absl::OkStatus() : Refusal();
  }

  absl::Status WriteNoExist(const RepoId&, const CommitId&, const RepoPath&) override { return Refusal(); }

  // Whose folder it is, decides who may read it.
  absl::Status ApplyReaders(const RepoId&) override { return absl::OkStatus(); }

  absl::StatusOr<Removal> Remove(const RepoId&, const CommitId&, const std::vector<std::string>&,
                                 absl::FunctionRef<bool()>) override {
    return Refusal();
  }

  absl::StatusOr<Removal> RemoveLoose(const RepoId&, const std::vector<std::string>&) override {
    return Refusal();
  }

 private:
  absl::Status Refusal() const {
    const std::string shown = Printable(layout_.root().native());
    return MakeError(
        absl::StatusCode::kPermissionDenied, reason::kStorageReadOnly,
        fmt::format("the cache {} is open for reading only", shown),
        fmt::format(
            "make it writable (chmod u+rwx {}), or name another folder in HF_HUB_CACHE; then restart batutad",
            shown));
  }

  const Layout layout_;
  FileSystem& files_;
  const CacheReader reader_;
  const Abilities abilities_;
};

}  // namespace

std::unique_ptr<Cache> Cache::OpenReadOnly(const CacheOptions& options, FileSystem& files) {
  return std::make_unique<ReadOnlyCache>(options.root.lexically_normal(), files);
}

}  // namespace batuta::cache
