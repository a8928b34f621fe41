#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/damage.h"
#include "daemon/cache/known_pieces.h"
#include "daemon/cache/partial.h"
#include "daemon/cache/readers.h"
#include "daemon/cache/removal.h"
#include "daemon/cache/root_listing.h"
#include "daemon/cache/staged_blob.h"
#include "daemon/cache/survey.h"
#include "daemon/cache/verified_files.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::cache {

struct CacheOptions {
  std::filesystem::path root;  // absolute; HF_HUB_CACHE

  // Names this run of the machine (see Partial). Empty = as the kernel says.
  std::string boot_id = {};

  // Are told of what is published. They outlive the cache; may be null.
  VerifiedFiles* verified = nullptr;
  KnownPieces* pieces = nullptr;

  // Of a cache that users share: who may enter the folder of a repo. Empty: the umask decides.
  ReadersOf readers_of = {};
};

// What the file system under the cache can do, probed when the cache is opened.
struct Abilities {
  bool symlinks =
      true;  // else files are moved into the snapshot, as the Python library does (hub-protocol 4.7)
  bool hard_links = true;
  bool locks = true;  // flock(2)
};

// Cache is the tree on disk that every Hugging Face tool of the machine shares, in exactly the layout of the
// Python library (docs/on-disk-format.md). A file appears under its final name only when it is whole and
// verified. Other tools write the same tree at the same time: names are unique, final steps are atomic, locks
// are tried and never waited for.
//
// All methods block on disk I/O: run them on the disk pool, never on the core sequence. Thread-safe.
// Errors common to all: those of FileSystem.
class Cache {
 public:
  virtual ~Cache() = default;

  // Makes the root when missing (with CACHEDIR.TAG), probes its abilities, removes leftovers of a crash that
  // cannot be resumed. On a full disk the probe is skipped and the usual abilities are assumed: what is
  // cached stays usable. `files` and `store` outlive the cache.
  //   kPermissionDenied (STORAGE_READ_ONLY)  the root cannot be written; OpenReadOnly() still can read.
  //   kInvalidArgument (CONFIG_INVALID)      the root is not an absolute path, or not a folder.
  static absl::StatusOr<std::unique_ptr<Cache>> Open(CacheOptions options, FileSystem& files,
                                                     metadata::MetadataStore& store);

  // For a root that cannot be written, or must not be: every writing method answers kPermissionDenied
  // (STORAGE_READ_ONLY). A missing root is an empty cache. Touches nothing.
  static std::unique_ptr<Cache> OpenReadOnly(const CacheOptions& options, FileSystem& files);

  // --- reading ----------------------------------------------------------------------

  // The commit a ref points to. A missing, empty or malformed ref file is nullopt. A revision that is spelled
  // as a commit is that commit, whatever is cached.
  virtual absl::StatusOr<std::optional<CommitId>> ReadRef(const RepoId& repo, const Revision& revision) = 0;

  // The listing of a commit that was stored earlier (`trees/<commit>.json`, the Python library's own format),
  // else nullopt.
  virtual absl::StatusOr<std::optional<Tree>> ReadTree(const RepoId& repo, const CommitId& commit) = 0;

  // What lies in the snapshot folder of a commit, for caches filled by tools that keep no listing: files
  // whose blob can be told from their link. nullopt when there is no such folder.
  virtual absl::StatusOr<std::optional<Tree>> ReadSnapshot(const RepoId& repo, const CommitId& commit) = 0;

  // For each entry: is it whole in the snapshot of that commit? A blob that is there but not linked counts as
  // not there: see LinkExisting(). A link whose target is missing, has another size or is not the entry's
  // blob counts as not there, and so does what lies below a symlinked folder. A regular file of the right
  // size counts as there (hub-protocol 4.7). Three system calls an entry at most.
  virtual absl::StatusOr<std::vector<bool>> ArePresent(const RepoId& repo, const CommitId& commit,
                                                       const std::vector<Entry>& entries) = 0;

  // Where the snapshot of a commit is or would be.
  virtual std::filesystem::path SnapshotPath(const RepoId& repo, const CommitId& commit) const = 0;

  virtual absl::StatusOr<RootListing> ListRoot() = 0;

  // See SurveyRepo() and IsAsStamped().
  virtual absl::StatusOr<RepoSurvey> Survey(const RepoId& repo) = 0;
  virtual bool IsAsStamped(const RepoId& repo, const std::vector<Stamp>& stamps) = 0;

  // A file of a snapshot, for reading.   kNotFound  there is none.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenForReading(const RepoId& repo, const CommitId& commit,
                                                               const std::string& path) = 0;

  // The same, wherever it lies.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenPlace(const FilePlace& place) = 0;

  // For reading all of it once (OpenMode::kReadDirect).   kNotFound  it is not there.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenToVerify(const FilePlace& place) = 0;

  virtual absl::StatusOr<SpaceInfo> Space() = 0;
  virtual const std::filesystem::path& root() const = 0;
  virtual const Abilities& abilities() const = 0;

  // --- writing ----------------------------------------------------------------------

  // Opens the partial file of a blob, new or left by an earlier run, for its one writer.
  //   kAlreadyExists                     the blob is whole already: use LinkExisting().
  //   kFailedPrecondition (DAEMON_BUSY)  the partial file is in use.
  virtual absl::StatusOr<std::unique_ptr<Partial>> OpenPartial(const RepoId& repo, const BlobId& blob,
                                                               uint64_t size_bytes) = 0;

  // What the partial file of a blob takes on the disk; 0 when there is none.
  virtual absl::StatusOr<uint64_t> PartialBytes(const RepoId& repo, const BlobId& blob) = 0;

  // For small blobs, of which nothing is kept before they are whole: writes the blob, verified by the caller,
  // where nobody looks. Waits for no sync.
  //   kAlreadyExists  as for OpenPartial().
  virtual absl::StatusOr<StagedBlob> Stage(const RepoId& repo, const BlobId& blob,
                                           std::span<const std::byte> bytes) = 0;

  // The same of a blob that another repo has: the same file by a second name, or where that cannot be a copy
  // that shares its place on the disk. Nobody has looked at its bytes: other tools may have left an error
  // page under that name, so the caller does, before Publish(). Nothing when `from` does not have it with
  // that size, or the file system can do neither.
  //   kAlreadyExists  as for OpenPartial().
  virtual absl::StatusOr<std::optional<StagedBlob>> StageFrom(const RepoId& from, const RepoId& repo,
                                                              const BlobId& blob, uint64_t size_bytes) = 0;

  // Makes staged blobs durable and gives them their names. Many together cost little more than one. One
  // status for each, in order.
  virtual std::vector<absl::Status> Publish(std::vector<StagedBlob> blobs) = 0;

  // Makes the blob reachable as `entry.path` in the snapshot of `commit`, if the repo has it with the right
  // size; false when not. Idempotent; replaces a broken or wrong link. The link itself is made durable by
  // WriteRef(). Without symlinks the blob is moved there, and the same bytes wanted in a second place are
  // linked or copied from where the stored listings say they are: so WriteTree() comes first.
  //   kDataLoss (INVALID_PATH)  the path cannot be had there: a symlink among the snapshot's folders would
  //     lead it astray; a file stands where a folder is needed, or the other way round; the name differs
  //     from another only in letter case and the file system does not tell them apart; it is too long.
  virtual absl::StatusOr<bool> LinkExisting(const RepoId& repo, const CommitId& commit,
                                            const Entry& entry) = 0;

  // Stores the listing of a commit for ReadTree() and for the Python library, durably. Before the first link
  // of a pull: then the Python library, too, can tell that a snapshot is not complete yet.
  virtual absl::Status WriteTree(const RepoId& repo, const Tree& tree) = 0;

  // Makes what was linked into the snapshot durable, and then the ref. The snapshot's folder is made when
  // missing, since a ref without one makes the Python library drop the repo from its report. When the
  // revision is the commit itself there is no ref.
  //   kDataLoss (INVALID_PATH)  another ref of this cache is a folder on the way, or the other way round.
  virtual absl::Status WriteRef(const RepoId& repo, const Revision& revision, const CommitId& commit) = 0;

  // Records that the hub says there is no such file (`.no_exist/<commit>/<path>`).
  //   kDataLoss (INVALID_PATH)  as for LinkExisting().
  virtual absl::Status WriteNoExist(const RepoId& repo, const CommitId& commit, const RepoPath& path) = 0;

  // Lets into the folder of the repo whom CacheOptions::readers_of names now, and nobody else. A repo that is
  // not there is no error: its folder is made so.
  //   kFailedPrecondition (STORAGE_FAILED)  see SetReaders(); the folder is closed to all users.
  virtual absl::Status ApplyReaders(const RepoId& repo) = 0;

  // --- removing ---------------------------------------------------------------------

  // Takes files out of the snapshot of a commit, and the blobs that no other file of the repo leads to. With
  // the last file the snapshot, its refs and its listing go, with the last snapshot the repo's folder. Waits
  // until nobody in this process counts on the repo's blobs, and asks `may_go` when none can begin to.
  // What is not there is no error. A blob whose lock another tool holds stays, loose.
  //   kFailedPrecondition (IN_USE)  `may_go` said no, or a process has one of the files open; nothing was
  //     removed.
  virtual absl::StatusOr<Removal> Remove(const RepoId& repo, const CommitId& commit,
                                         const std::vector<std::string>& paths,
                                         absl::FunctionRef<bool()> may_go) = 0;

  // Takes a damaged file out of the view: see Quarantine. Nothing when the file at `place` is another by now.
  virtual absl::StatusOr<std::optional<Withdrawal>> Withdraw(const FilePlace& place,
                                                             const Damage& damage) = 0;

  // Removes those of the named files of blobs/ that no snapshot leads to and nobody has open.
  virtual absl::StatusOr<Removal> RemoveLoose(const RepoId& repo, const std::vector<std::string>& names) = 0;
};

}  // namespace batuta::cache
