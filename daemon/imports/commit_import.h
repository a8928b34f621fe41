#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/types/entry.h"
#include "common/types/principal.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/space_ledger.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/inventory/inventory.h"
#include "daemon/transfer/content_hash.h"

namespace batuta::imports {

// A commit of another cache, as whoever brings it describes it.
struct ImportSpec {
  RepoId repo;
  CommitId commit;
  std::vector<Revision> refs;  // shall point to it
  std::string label;           // of the selection; empty: as the inventory finds it in the tree
  std::vector<Entry> files;    // all that the commit shall have here; size 0: as the listing or the blob says
  std::string tree;            // `trees/<commit>.json` of the other cache; may be empty

  // What may come in although it is unsafe, as for guard::MakeConsent(), and who says so.
  std::vector<std::string> allow_unsafe = {};
  bool allow_malicious = false;
  Principal who = {};
};

// All outlive the import.
struct ImportContext {
  cache::Cache& cache;
  cache::SpaceLedger& space;
  inventory::Inventory& inventory;
  const guard::GuardContext* guard = nullptr;  // what may come in; null: everything
  cache::VerifiedFiles* verified = nullptr;    // whose bytes need not be read again; null: nobody's
};

struct ImportOutcome {
  std::filesystem::path snapshot;
  uint32_t imported_files = 0;
  uint32_t present_files = 0;  // their blobs were here already
  uint64_t imported_bytes = 0;
};

// CommitImport takes a commit in from another cache. Nothing it is told is believed: each blob is verified
// against its name before it appears, and neither the listing nor the paths may contradict what is known
// here. What may come in is what a pull of the same files could bring: it is decided by the names, by the
// content of each blob before it appears, and at last by the files together.
//
// Life: Begin() → for each blob BeginBlob() and Append() → Finish(). Blobs come in any order; those that are
// here may be left out. After an error, or when it is dropped before Finish(), nothing of the commit is to be
// seen; blobs that were whole lie loose. What it puts up, it puts up in the order of a pull: blobs, listing,
// links, refs.
//
// One thread at a time; everything blocks: on the disk pool. Errors common to all: those of Cache, and
// refusals (guard::Refusal()), which name the file.
class CommitImport {
 public:
  // Takes what other repos of this cache have already, and reserves the space for all else, as far as its
  // size is known.
  //   kInvalidArgument (INVALID_ARGUMENT)     two files of one path, or one blob with two sizes.
  //   kDataLoss (DIGEST_MISMATCH)             the listing that came with it is damaged or contradicts the
  //   files, or the
  //                                           listing that this cache has does.
  //   kResourceExhausted (DISK_FULL)
  static absl::StatusOr<std::unique_ptr<CommitImport>> Begin(const ImportContext& context, ImportSpec spec);
  CommitImport(const CommitImport&) = delete;
  CommitImport& operator=(const CommitImport&) = delete;

  // The bytes that follow are this blob's.
  //   kInvalidArgument (INVALID_ARGUMENT)  the blob before is not whole; no file wants this one, or not with
  //   this size; it
  //     came before.
  //   kResourceExhausted (DISK_FULL)       its size was not known before, and it does not fit.
  absl::Status BeginBlob(const BlobId& blob, uint64_t size_bytes);

  //   kInvalidArgument (INVALID_ARGUMENT)  no blob has begun, or it is longer than it said.
  //   kDataLoss (DIGEST_MISMATCH)          the blob is whole now, and is not what its name says.
  absl::Status Append(std::span<const std::byte> bytes);

  //   kDataLoss (DIGEST_MISMATCH)  not every blob is here.
  absl::StatusOr<ImportOutcome> Finish();

 private:
  struct Wanted {
    std::vector<size_t> files = {};           // positions in the spec's
    std::optional<uint64_t> size_bytes = {};  // as far as it was said
    std::optional<uint64_t> here_bytes = {};  // of the file of that name in this repo
    bool was_here = false;
    bool has_come = false;

    bool is_here() const { return here_bytes && (!size_bytes || size_bytes == here_bytes); }
  };

  // The blob under way: on the disk, where nobody looks and a restart clears up, or in memory while it is
  // small.
  struct Arriving {
    BlobId blob;
    uint64_t size_bytes = 0;
    uint64_t received_bytes = 0;
    transfer::ContentHash hash;
    std::optional<cache::StagedBlob> staged = {};  // of a large one, with its file
    std::unique_ptr<File> file = nullptr;
    std::vector<std::byte> bytes = {};
    bool is_kept = true;  // false: it is here already
  };

  CommitImport(const ImportContext& context, ImportSpec spec);

  absl::Status TakeTree();
  absl::Status TakeFiles();
  absl::Status CheckNames();
  absl::Status LookAndReserve();
  absl::Status Learn(const std::vector<Entry>& listing, std::string_view whose);
  absl::Status AdmitPresent();
  absl::Status Admit(const Wanted& wanted, safety::ByteSource& bytes);
  absl::Status AdmitAmongOthers();
  absl::Status Share();
  absl::Status ReserveMore(uint64_t bytes);
  absl::Status Write(std::span<const std::byte> bytes);
  absl::Status EndBlob();
  absl::Status Publish();
  absl::Status PutUp();

  const ImportContext context_;
  ImportSpec spec_;
  std::optional<Tree> listing_;              // of the commit, when it is known
  bool listing_is_new_ = false;              // not stored here yet
  std::shared_ptr<guard::PullGuard> guard_;  // null: everything may come in
  inventory::Leases::Lease lease_;
  std::vector<cache::SpaceLedger::Reservation> space_;  // the last one is used
  std::map<BlobId, Wanted> wanted_;
  std::optional<Arriving> arriving_;
  std::vector<cache::StagedBlob> staged_;  // whole, and published together
  uint64_t imported_bytes_ = 0;
};

}  // namespace batuta::imports
