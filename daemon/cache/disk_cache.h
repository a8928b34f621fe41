#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/cache/cache.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/journal.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/partial_file.h"
#include "daemon/cache/probe.h"
#include "daemon/cache/remover.h"
#include "daemon/cache/repo_folders.h"
#include "daemon/cache/repo_gate.h"
#include "daemon/cache/snapshot_writer.h"
#include "daemon/cache/temp_names.h"

namespace batuta::cache {

// DiskCache is the Cache that reads and writes.
class DiskCache final : public Cache {
 public:
  struct Identity {
    std::string instance;  // 8 hex characters
    std::string boot_id;
  };

  // Of `options`, the root and who is told.
  DiskCache(const CacheOptions& options, Identity identity, FileSystem& files,
            metadata::MetadataStore& store);

  // As Cache::Open(): everything that touches the disk. To be called once, before all other methods.
  absl::Status Start();

  absl::StatusOr<std::optional<CommitId>> ReadRef(const RepoId& repo, const Revision& revision) override;
  absl::StatusOr<std::optional<Tree>> ReadTree(const RepoId& repo, const CommitId& commit) override;
  absl::StatusOr<std::optional<Tree>> ReadSnapshot(const RepoId& repo, const CommitId& commit) override;
  absl::StatusOr<std::vector<bool>> ArePresent(const RepoId& repo, const CommitId& commit,
                                               const std::vector<Entry>& entries) override;
  std::filesystem::path SnapshotPath(const RepoId& repo, const CommitId& commit) const override;
  absl::StatusOr<RootListing> ListRoot() override;
  absl::StatusOr<RepoSurvey> Survey(const RepoId& repo) override;
  bool IsAsStamped(const RepoId& repo, const std::vector<Stamp>& stamps) override;
  absl::StatusOr<std::unique_ptr<File>> OpenForReading(const RepoId& repo, const CommitId& commit,
                                                       const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> OpenPlace(const FilePlace& place) override;
  absl::StatusOr<std::unique_ptr<File>> OpenToVerify(const FilePlace& place) override;
  absl::StatusOr<SpaceInfo> Space() override;

  const std::filesystem::path& root() const override { return layout_.root(); }

  const Abilities& abilities() const override { return probe_.abilities(); }

  absl::StatusOr<std::unique_ptr<Partial>> OpenPartial(const RepoId& repo, const BlobId& blob,
                                                       uint64_t size_bytes) override;
  absl::StatusOr<uint64_t> PartialBytes(const RepoId& repo, const BlobId& blob) override;
  absl::StatusOr<StagedBlob> Stage(const RepoId& repo, const BlobId& blob,
                                   std::span<const std::byte> bytes) override;
  absl::StatusOr<std::optional<StagedBlob>> StageFrom(const RepoId& from, const RepoId& repo,
                                                      const BlobId& blob, uint64_t size_bytes) override;
  std::vector<absl::Status> Publish(std::vector<StagedBlob> blobs) override;
  absl::StatusOr<bool> LinkExisting(const RepoId& repo, const CommitId& commit, const Entry& entry) override;
  absl::Status WriteTree(const RepoId& repo, const Tree& tree) override;
  absl::Status WriteRef(const RepoId& repo, const Revision& revision, const CommitId& commit) override;
  absl::Status WriteNoExist(const RepoId& repo, const CommitId& commit, const RepoPath& path) override;
  absl::Status ApplyReaders(const RepoId& repo) override;
  absl::StatusOr<Removal> Remove(const RepoId& repo, const CommitId& commit,
                                 const std::vector<std::string>& paths,
                                 absl::FunctionRef<bool()> may_go) override;
  absl::StatusOr<std::optional<Withdrawal>> Withdraw(const FilePlace& place, const Damage& damage) override;
  absl::StatusOr<Removal> RemoveLoose(const RepoId& repo, const std::vector<std::string>& names) override;

 private:
  using Path = std::filesystem::path;

  absl::Status CheckAbsent(const RepoId& repo, const BlobId& blob, uint64_t size_bytes);
  absl::Status WriteTag(const Path& temp_folder);
  absl::StatusOr<std::unique_ptr<PartialFile>> OpenPartialFile(const RepoId& repo, const BlobId& blob,
                                                               uint64_t size_bytes);
  void RecordVerified(const std::vector<Path>& blobs);
  absl::Status Replace(const RepoId& repo, const Path& path, const std::function<absl::Status(File&)>& write);

  const Layout layout_;
  const Identity identity_;
  FileSystem& files_;
  metadata::MetadataStore& store_;
  VerifiedFiles* const verified_;
  KnownPieces* const pieces_;
  const CacheReader reader_;
  Probe probe_;
  PartialJournal journal_;
  TempNames temp_names_;
  RepoGate gate_;
  RepoFolders folders_;
  SnapshotWriter snapshots_;
  Remover remover_;
};

}  // namespace batuta::cache
