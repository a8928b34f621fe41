#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "daemon/cache/cache.h"
#include "tests/support/files/fake_file_system.h"

namespace batuta::transfer {

// FakeCache keeps partial and published blobs in memory, with the promises of cache::Partial about what
// survives, and fails where it is told to. Only OpenPartial() of cache::Cache is real; the rest is
// kUnimplemented, and who may read is nothing it keeps. Thread-safe.
class FakeCache final : public cache::Cache {
 public:
  enum class Call {
    kOpen,
    kWrite,
    kRead,
    kJournal,
    kCheckpoint,
    kStartOver,
    kPublish,
    kDiscard,
    kStage,
    kPublishStaged,  // one for each group
  };

  FakeCache();
  ~FakeCache() override;

  // The calls of that kind fail with `error` after `skip` more have passed, for ever or `times` times.
  void Fail(Call call, absl::Status error, uint64_t skip = 0, uint64_t times = ~uint64_t{0});
  void Heal();

  // As found after kill -9 (last Journal()) or a power cut (last Checkpoint()): what may not be believed is
  // garbage, and old Partials have no effect any more.
  void Kill();
  void CutPower();

  // Givens: a blob that is whole; a partial file left by an earlier run, of which `believed` holds.
  void PutPublished(const RepoId& repo, const BlobId& blob, std::string content);
  void PutPartial(const RepoId& repo, const BlobId& blob, std::string content,
                  std::vector<cache::Extent> believed, cache::PieceSums sums = {});

  // The disk damages a byte of a blob that is there, whole or not.
  void FlipByte(const RepoId& repo, const BlobId& blob, uint64_t offset);

  // Checks.
  std::optional<std::string> Published(const RepoId& repo, const BlobId& blob) const;
  bool HasPartial(const RepoId& repo, const BlobId& blob) const;
  std::vector<cache::Extent> Journalled(const RepoId& repo, const BlobId& blob) const;
  uint64_t calls(Call call) const;
  uint64_t written_bytes() const;
  int open_partials() const;
  std::vector<std::string> Staged() const;  // files of blobs that are staged

  // Broken promises of the user of Partial: one blob open twice, bytes written twice, bytes journalled that
  // were never written, a use after the end. Empty when all is well.
  std::vector<std::string> complaints() const;

  absl::StatusOr<std::unique_ptr<cache::Partial>> OpenPartial(const RepoId& repo, const BlobId& blob,
                                                              uint64_t size_bytes) override;

  absl::StatusOr<uint64_t> PartialBytes(const RepoId&, const BlobId&) override;
  absl::StatusOr<cache::StagedBlob> Stage(const RepoId& repo, const BlobId& blob,
                                          std::span<const std::byte> bytes) override;
  absl::StatusOr<std::optional<cache::StagedBlob>> StageFrom(const RepoId&, const RepoId&, const BlobId&,
                                                             uint64_t) override;
  std::vector<absl::Status> Publish(std::vector<cache::StagedBlob> blobs) override;

  absl::StatusOr<std::optional<CommitId>> ReadRef(const RepoId&, const Revision&) override;
  absl::StatusOr<std::optional<Tree>> ReadTree(const RepoId&, const CommitId&) override;
  absl::StatusOr<std::optional<Tree>> ReadSnapshot(const RepoId&, const CommitId&) override;
  absl::StatusOr<std::vector<bool>> ArePresent(const RepoId&, const CommitId&,
                                               const std::vector<Entry>&) override;
  std::filesystem::path SnapshotPath(const RepoId&, const CommitId&) const override;
  absl::StatusOr<cache::RootListing> ListRoot() override;
  absl::StatusOr<cache::RepoSurvey> Survey(const RepoId&) override;
  bool IsAsStamped(const RepoId&, const std::vector<cache::Stamp>&) override;
  absl::StatusOr<std::unique_ptr<File>> OpenForReading(const RepoId&, const CommitId&,
                                                       const std::string&) override;
  absl::StatusOr<std::unique_ptr<File>> OpenPlace(const cache::FilePlace&) override;
  absl::StatusOr<std::unique_ptr<File>> OpenToVerify(const cache::FilePlace&) override;
  absl::StatusOr<SpaceInfo> Space() override;

  const std::filesystem::path& root() const override { return root_; }

  const cache::Abilities& abilities() const override { return abilities_; }

  absl::StatusOr<bool> LinkExisting(const RepoId&, const CommitId&, const Entry&) override;
  absl::Status WriteTree(const RepoId&, const Tree&) override;
  absl::Status WriteRef(const RepoId&, const Revision&, const CommitId&) override;
  absl::Status WriteNoExist(const RepoId&, const CommitId&, const RepoPath&) override;
  absl::Status ApplyReaders(const RepoId&) override;
  absl::StatusOr<cache::Removal> Remove(const RepoId&, const CommitId&, const std::vector<std::string>&,
                                        absl::FunctionRef<bool()>) override;
  absl::StatusOr<std::optional<cache::Withdrawal>> Withdraw(const cache::FilePlace&,
                                                            const cache::Damage&) override;
  absl::StatusOr<cache::Removal> RemoveLoose(const RepoId&, const std::vector<std::string>&) override;

 private:
  struct Disk;
  class OpenFile;

  const std::filesystem::path root_ = "/cache";
  const cache::Abilities abilities_;
  FakeFileSystem staging_;
  const std::shared_ptr<Disk> disk_;  // shared with the Partials, which may live longer
};

}  // namespace batuta::transfer
