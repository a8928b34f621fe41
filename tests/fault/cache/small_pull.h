#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/cache/cache.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/metadata/fake_metadata_store.h"

namespace batuta::cache {

inline constexpr const char* kRoot = "/hub";
inline constexpr const char* kRepoFolder = "/hub/models--acme--otter";

RepoId Otter();
CommitId OtterCommit();
BlobId OtterBlob();

// The bytes of OtterBlob(): each differs from its neighbours, so that nothing passes for something else.
std::string OtterBytes();

// Entries of the commit: three paths, two blobs.
std::vector<Entry> OtterEntries();

absl::Status WriteText(Partial& partial, uint64_t offset, std::string_view text);
absl::StatusOr<std::string> ReadText(Partial& partial, const Extent& extent);

// Everything that a pull asks of the cache, in the order of docs/architecture.md, going on from whatever is
// there. Checks on the way that every byte that is believed is the right one.
absl::Status PullOtter(Cache& cache);

// A machine with a disk and a catalog that fail together.
class Machine {
 public:
  Machine();

  absl::StatusOr<std::unique_ptr<Cache>> OpenCache();

  // Opens the cache and pulls.
  absl::Status Pull();

  // Just before the n-th write of the catalog the power goes.
  void CutPowerAtCatalogWrite(uint64_t n);

  bool is_down() const { return is_down_ || files.is_down(); }

  // The power comes back: what was not durable is gone, and the boot is another one.
  void StartAfterPowerCut();

  // The process is started again on a machine that was up all the time.
  void StartAfterKill();

  FakeFileSystem files;
  metadata::FakeMetadataStore store;

 private:
  bool is_down_ = false;
  int boot_ = 1;
};

// What must hold at any moment of any run: finished names hold the right bytes, links lead to whole blobs, a
// ref has its snapshot, and no scanner finds anything it does not know.
void ExpectNothingWrongIsVisible(const FakeFileSystem& files);

// After a whole pull: all files and the ref are there, and nothing is left over.
void ExpectWholePull(const FakeFileSystem& files);

}  // namespace batuta::cache
