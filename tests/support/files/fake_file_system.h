#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/file_system.h"
#include "common/sync/mutex.h"
#include "tests/support/files/fake_disk.h"

namespace batuta {

// FakeFileSystem is a FileSystem in memory that breaks on purpose.
//
// It keeps two pictures: what is visible, and what is durable. A file's content becomes durable by
// File::Sync(), a folder's entries (made, renamed, linked, removed) by SyncFolder() of that folder; a power
// cut leaves the durable picture only. A file that was named durably and never synced is there, and empty.
//
//   for (uint64_t n = 1;; ++n) {
//     FakeFileSystem files;
//     files.CutPowerAtMutation(n);
//     const absl::Status status = Publish(files, …);
//     if (!files.is_down()) break;   // it ran to its end: every step has been tried
//     files.Restart();
//     … nothing half is visible, nothing whole is lost …
//   }
//
// Thread-safe. Open files hold on to the disk, not to this object, and fail (EIO) after a restart.
class FakeFileSystem final : public FileSystem {
 public:
  enum class Call {
    kOpen,
    kWrite,
    kRead,
    kSync,
    kTruncate,
    kLock,
    kInfo,
    kRename,
    kSymlink,
    kLink,
    kRemove,
    kMakeFolders,
    kSyncFolder,
    kSyncFiles,
    kReadSymlink,
    kList,
    kSpace,
    kClone,
  };

  // Which calls fail, and how.
  struct Fault {
    int error_number = 0;           // ENOSPC, EIO, EROFS …
    std::optional<Call> call = {};  // any, when empty
    std::string path_part = {};  // a piece of the path (of either path of a rename or link); any, when empty
    uint64_t skip = 0;           // so many matching calls pass first
    uint64_t times = 1;          // then so many fail, and then they pass again
  };

  static constexpr uint64_t kForEver = ~uint64_t{0};

  FakeFileSystem();
  ~FakeFileSystem() override;

  void Inject(Fault fault);
  void ClearFaults();

  // Writes that would need more fail with ENOSPC; Space() tells the same.
  void SetCapacity(uint64_t bytes);

  // The power goes when the n-th (≥ 1) mutating call from now begins: it has no effect, and every call fails
  // (EIO) until Restart(), which finds what was durable. Mutating: what makes, changes, names, removes or
  // syncs.
  void CutPowerAtMutation(uint64_t n);

  // The same for `kill -9` of the process: what was written stays, synced or not.
  void KillAtMutation(uint64_t n);

  // The power goes and comes back, now.
  void CutPower();

  // After a cut or a kill: open files are stale, locks are gone, calls work again.
  void Restart();

  // The power is cut or the process killed, and not restarted.
  bool is_down() const;

  // Mutating calls so far.
  uint64_t mutations() const;

  // Calls of one kind so far, failed ones too.
  uint64_t calls(Call call) const;

  // From now on what is read or written is so at this time, or a little later.
  void SetTime(WallTime time);

  // Givens and checks, which neither count as calls nor fail: writes a file with its folders, durably;
  // everything written so far becomes durable; the content, if there is such a file (symlinks are followed);
  // every path (FakeDisk::Paths()).
  void Put(const std::filesystem::path& path, std::string_view content);
  void SyncAll();
  std::optional<std::string> Get(const std::filesystem::path& path) const;
  std::vector<std::string> Paths() const;

  // FileSystem:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) override;
  absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
  absl::Status Symlink(const std::string& target, const std::filesystem::path& path) override;
  absl::Status Link(const std::filesystem::path& existing, const std::filesystem::path& path) override;
  absl::Status Clone(const std::filesystem::path& existing, const std::filesystem::path& path) override;
  absl::Status Remove(const std::filesystem::path& path) override;
  absl::Status MakeFolders(const std::filesystem::path& path) override;
  absl::Status SyncFolder(const std::filesystem::path& path) override;
  absl::Status SyncFiles(const std::vector<std::filesystem::path>& paths) override;
  absl::StatusOr<std::string> ReadSymlink(const std::filesystem::path& path) override;
  absl::StatusOr<FileInfo> Info(const std::filesystem::path& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& folder) override;
  absl::StatusOr<SpaceInfo> Space(const std::filesystem::path& path) override;

 private:
  class Machine;
  class OpenFile;

  const std::shared_ptr<Machine> machine_;
};

}  // namespace batuta
