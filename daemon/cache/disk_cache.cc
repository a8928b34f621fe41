#include "daemon/cache/disk_cache.h"

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/boot_id.h"
#include "daemon/cache/cleanup.h"
#include "daemon/cache/disk_error.h"
#include "daemon/cache/folders.h"
#include "daemon/cache/quarantine.h"
#include "daemon/cache/tree_file.h"
#include "daemon/metadata/identity.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;

constexpr size_t kInstanceLength = 8;
constexpr std::string_view kTagText =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Cache of content from the Hugging Face Hub: it can be fetched again, so backups may leave it out.\n"
    "# See https://bford.info/cachedir/\n";

absl::Status WriteText(File& file, std::string_view text) {
  return file.WriteAt(0, std::as_bytes(std::span(text)));
}

absl::Status WithWayOut(const absl::Status& status, const Path& root) {
  if (!absl::IsPermissionDenied(status)) return status;
  const std::string shown = Printable(root.native());
  return MakeError(
      absl::StatusCode::kPermissionDenied, reason::kStorageReadOnly,
      fmt::format("the cache {} cannot be written: {}", shown, MessageOf(status)),
      fmt::format("make it writable (chmod u+rwx {}), or name another folder in HF_HUB_CACHE", shown));
}

absl::Status CheckRoot(const Path& root, FileSystem& files) {
  if (!root.is_absolute()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                     fmt::format("the cache folder '{}' is not an absolute path", Printable(root.native())),
                     "give HF_HUB_CACHE or --cache-dir as a path that begins with /");
  }
  const auto info = files.Info(root);
  if (!info.ok() || info->kind == FileInfo::Kind::kFolder || info->kind == FileInfo::Kind::kSymlink) {
    return absl::OkStatus();
  }
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                   fmt::format("the cache {} is not a folder", Printable(root.native())),
                   "name another folder in HF_HUB_CACHE, or move that file away");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cache>> Cache::Open(CacheOptions options, FileSystem& files,
                                                   metadata::MetadataStore& store) {
  RETURN_IF_ERROR(CheckRoot(options.root, files));
  ASSIGN_OR_RETURN(const std::string instance_id, metadata::InstanceId(store));
  if (options.boot_id.empty()) options.boot_id = ReadBootId();
  DiskCache::Identity identity{instance_id.substr(0, kInstanceLength), std::move(options.boot_id)};
  const Path root = options.root.lexically_normal();
  auto cache = std::make_unique<DiskCache>(options, std::move(identity), files, store);
  RETURN_IF_ERROR(WithWayOut(cache->Start(), root));
  return cache;
}

DiskCache::DiskCache(const CacheOptions& options, Identity identity, FileSystem& files,
                     metadata::MetadataStore& store)
    : layout_(options.root.lexically_normal()),
      identity_(std::move(identity)),
      files_(files),
      store_(store),
      verified_(options.verified),
      pieces_(options.pieces),
      reader_(layout_, files),
      probe_(files, layout_.Locks(), identity_.instance),
      journal_(store),
      temp_names_(identity_.instance),
      folders_(layout_, files, options.readers_of),
      snapshots_(layout_, files, reader_, temp_names_, probe_, folders_),
      remover_(layout_, files, gate_, temp_names_, probe_) {}

absl::Status DiskCache::Start() {
  RETURN_IF_ERROR(MakeFoldersDurably(files_, layout_.root()));
  RETURN_IF_ERROR(probe_.RemoveLeftovers());
  absl::Status probed = probe_.EnsureKnown();
  if (!probed.ok() && !absl::IsResourceExhausted(probed)) return probed;
  RETURN_IF_ERROR(WriteTag(layout_.Locks()));
  ASSIGN_OR_RETURN(const RootListing listing, reader_.ListRoot());
  RETURN_IF_ERROR(folders_.ApplyAll(listing.repos));
  return Cleanup(layout_, files_, store_, journal_, temp_names_).Run(identity_.instance, identity_.boot_id);
}

// The tag is for backup programs. The cache is as good without one, so a full disk is no reason to fail.
absl::Status DiskCache::WriteTag(const Path& temp_folder) {
  if (files_.Info(layout_.Tag()).ok()) return absl::OkStatus();
  const Path temp = temp_folder / fmt::format(".batuta-{}.tag", identity_.instance);
  auto file = files_.Open(temp, OpenMode::kCreate);
  absl::Status status = file.status();
  if (status.ok()) status = WriteText(**file, kTagText);
  if (status.ok()) status = (*file)->Sync();
  if (status.ok()) status = files_.Rename(temp, layout_.Tag());
  if (!status.ok()) files_.Remove(temp).IgnoreError();
  // Not found: the folder of the temp file could not be made for the same reason.
  return absl::IsResourceExhausted(status) || absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<std::optional<CommitId>> DiskCache::ReadRef(const RepoId& repo, const Revision& revision) {
  return reader_.ReadRef(repo, revision);
}

absl::StatusOr<std::optional<Tree>> DiskCache::ReadTree(const RepoId& repo, const CommitId& commit) {
  return reader_.ReadTree(repo, commit);
}

absl::StatusOr<std::optional<Tree>> DiskCache::ReadSnapshot(const RepoId& repo, const CommitId& commit) {
  return reader_.ReadSnapshot(repo, commit);
}

absl::StatusOr<std::vector<bool>> DiskCache::ArePresent(const RepoId& repo, const CommitId& commit,
                                                        const std::vector<Entry>& entries) {
  const RepoGate::Pass pass = gate_.Enter(repo);
  return reader_.ArePresent(repo, commit, entries);
}

Path DiskCache::SnapshotPath(const RepoId& repo, const CommitId& commit) const {
  return layout_.Snapshot(repo, commit);
}

absl::StatusOr<RootListing> DiskCache::ListRoot() {
  return reader_.ListRoot();
}

absl::StatusOr<RepoSurvey> DiskCache::Survey(const RepoId& repo) {
  return SurveyRepo(layout_, files_, repo);
}

bool DiskCache::IsAsStamped(const RepoId& repo, const std::vector<Stamp>& stamps) {
  return cache::IsAsStamped(layout_, files_, repo, stamps);
}

absl::StatusOr<std::unique_ptr<File>> DiskCache::OpenForReading(const RepoId& repo, const CommitId& commit,
                                                                const std::string& path) {
  return files_.Open(layout_.Snapshot(repo, commit) / path, OpenMode::kRead);
}

absl::StatusOr<std::unique_ptr<File>> DiskCache::OpenPlace(const FilePlace& place) {
  return files_.Open(PathOf(layout_, place), OpenMode::kRead);
}

absl::StatusOr<std::unique_ptr<File>> DiskCache::OpenToVerify(const FilePlace& place) {
  return files_.Open(PathOf(layout_, place), OpenMode::kReadDirect);
}

absl::StatusOr<SpaceInfo> DiskCache::Space() {
  return reader_.Space();
}

absl::StatusOr<std::unique_ptr<Partial>> DiskCache::OpenPartial(const RepoId& repo, const BlobId& blob,
                                                                uint64_t size_bytes) {
  RETURN_IF_ERROR(CheckAbsent(repo, blob, size_bytes));
  RETURN_IF_ERROR(probe_.EnsureKnown());
  return OpenPartialFile(repo, blob, size_bytes);
}

absl::StatusOr<std::unique_ptr<PartialFile>> DiskCache::OpenPartialFile(const RepoId& repo,
                                                                        const BlobId& blob,
                                                                        uint64_t size_bytes) {
  RETURN_IF_ERROR(folders_.Make(repo, layout_.Blobs(repo)));
  PartialFile::Spec spec{repo,
                         blob,
                         size_bytes,
                         layout_.Blobs(repo) / PartName(blob, identity_.instance),
                         layout_.Blob(repo, blob),
                         layout_.Lock(repo, blob),
                         identity_.boot_id,
                         probe_.abilities().locks,
                         verified_,
                         pieces_};
  return PartialFile::Open(std::move(spec), files_, journal_);
}

absl::Status DiskCache::CheckAbsent(const RepoId& repo, const BlobId& blob, uint64_t size_bytes) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> found_bytes, SizeOf(files_, layout_.Blob(repo, blob)));
  if (found_bytes != size_bytes) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAlreadyExists, {}, fmt::format("blob {} is in the cache", blob.hex()));
}

absl::StatusOr<uint64_t> DiskCache::PartialBytes(const RepoId& repo, const BlobId& blob) {
  const auto info = files_.Info(layout_.Blobs(repo) / PartName(blob, identity_.instance));
  if (info.ok()) return info->allocated_bytes;
  return SaysAbsent(info.status()) ? absl::StatusOr<uint64_t>(0) : info.status();
}

absl::StatusOr<StagedBlob> DiskCache::Stage(const RepoId& repo, const BlobId& blob,
                                            std::span<const std::byte> bytes) {
  RETURN_IF_ERROR(CheckAbsent(repo, blob, bytes.size()));
  RETURN_IF_ERROR(probe_.EnsureKnown());
  RETURN_IF_ERROR(folders_.Make(repo, layout_.Blobs(repo)));
  // From here on whatever goes wrong removes the file.
  StagedBlob staged(files_, temp_names_.Next(layout_.Repo(repo)), layout_.Blob(repo, blob));
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, OpenFresh(files_, staged.temp()));
  RETURN_IF_ERROR(file->WriteAt(0, bytes));
  return staged;
}

absl::StatusOr<std::optional<StagedBlob>> DiskCache::StageFrom(const RepoId& from, const RepoId& repo,
                                                               const BlobId& blob, uint64_t size_bytes) {
  RETURN_IF_ERROR(CheckAbsent(repo, blob, size_bytes));
  const Path original = layout_.Blob(from, blob);
  const auto is_it = [&](const Path& path) {
    const auto info = files_.Info(path);
    return info.ok() && info->kind == FileInfo::Kind::kFile && info->size_bytes == size_bytes;
  };
  if (!is_it(original)) return std::nullopt;
  RETURN_IF_ERROR(probe_.EnsureKnown());
  RETURN_IF_ERROR(folders_.Make(repo, layout_.Blobs(repo)));
  StagedBlob staged(files_, temp_names_.Next(layout_.Repo(repo)), layout_.Blob(repo, blob));
  files_.Remove(staged.temp()).IgnoreError();  // an earlier run may have left it
  const bool is_linked = probe_.abilities().hard_links && files_.Link(original, staged.temp()).ok();
  if (!is_linked && !files_.Clone(original, staged.temp()).ok()) return std::nullopt;
  // Another tool may have put another file there meanwhile.
  if (!is_it(staged.temp())) return std::nullopt;
  return staged;
}

std::vector<absl::Status> DiskCache::Publish(std::vector<StagedBlob> blobs) {
  std::vector<Path> temps;
  temps.reserve(blobs.size());
  for (const StagedBlob& blob : blobs) temps.push_back(blob.temp());
  std::vector<absl::Status> results(blobs.size(), files_.SyncFiles(temps));
  std::map<Path, absl::Status> folders;
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (!results[i].ok()) continue;
    // Over a blob that another tool has put there meanwhile, too: equal names mean equal bytes.
    results[i] = files_.Rename(temps[i], blobs[i].place());
    if (!results[i].ok()) continue;
    // Renamed onto another name of the same file, it stays: then it is removed with its object.
    if (!files_.Info(temps[i]).ok()) blobs[i].Release();
    folders.emplace(blobs[i].place().parent_path(), absl::OkStatus());
  }
  for (auto& [folder, status] : folders) status = files_.SyncFolder(folder);
  std::vector<Path> published;
  for (size_t i = 0; i < blobs.size(); ++i) {
    if (results[i].ok()) results[i] = folders.at(blobs[i].place().parent_path());
    if (results[i].ok()) published.push_back(blobs[i].place());
  }
  RecordVerified(published);
  return results;
}

// Only of those that are named by a sha256, and all in one write. The others are the small texts of a repo,
// thousands at times: no two repos share them, and reading them again costs no more than a record would.
void DiskCache::RecordVerified(const std::vector<Path>& blobs) {
  if (verified_ == nullptr) return;
  std::vector<VerifiedFile> found;
  for (const Path& path : blobs) {
    auto blob = BlobId::Parse(path.filename().native());
    if (!blob.ok() || blob->kind() != BlobId::Kind::kSha256) continue;
    const auto info = files_.Info(path);
    if (!info.ok()) continue;
    // One that another repo has too may have been believed by its record, and not read now.
    const auto when = verified_->WhenFound(*info, *blob);
    if (when.ok() && !when->has_value()) found.push_back({*info, *std::move(blob)});
  }
  verified_->Record(found).IgnoreError();  // else they are hashed once more one day
}

absl::StatusOr<bool> DiskCache::LinkExisting(const RepoId& repo, const CommitId& commit, const Entry& entry) {
  const RepoGate::Pass pass = gate_.Enter(repo);
  return snapshots_.LinkExisting(repo, commit, entry);
}

absl::Status DiskCache::WriteTree(const RepoId& repo, const Tree& tree) {
  // A folder of a repo without these two is something that other tools warn of, or cannot scan.
  RETURN_IF_ERROR(folders_.Make(repo, layout_.Snapshots(repo)));
  RETURN_IF_ERROR(folders_.Make(repo, layout_.Refs(repo)));
  RETURN_IF_ERROR(folders_.Make(repo, layout_.Trees(repo)));
  return Replace(repo, layout_.Tree(repo, tree.commit), [&](File& file) { return WriteTreeTo(file, tree); });
}

absl::Status DiskCache::WriteRef(const RepoId& repo, const Revision& revision, const CommitId& commit) {
  RETURN_IF_ERROR(snapshots_.Sync(repo, commit));
  // A repo without the folder is one that the JS library cannot scan.
  if (revision.AsCommit().has_value()) return folders_.Make(repo, layout_.Refs(repo));
  ASSIGN_OR_RETURN(const std::optional<CommitId> current, reader_.ReadRef(repo, revision));
  if (current == commit) return absl::OkStatus();

  RETURN_IF_ERROR(folders_.Make(repo, layout_.Repo(repo)));
  const Path path = layout_.Ref(repo, revision);
  ASSIGN_OR_RETURN(const std::vector<Path> changed,
                   MakeRealFolders(files_, FoldersOnTheWay(layout_.Refs(repo), revision.text())));
  for (const Path& folder : changed) RETURN_IF_ERROR(files_.SyncFolder(folder));
  const auto info = files_.Info(path);
  if (info.ok() && info->kind == FileInfo::Kind::kFolder)
    return InTheWay(path, "is a folder where a ref is needed");
  return Replace(repo, path, [&](File& file) { return WriteText(file, commit.hex()); });
}

absl::Status DiskCache::WriteNoExist(const RepoId& repo, const CommitId& commit, const RepoPath& path) {
  const Path folder = layout_.NoExist(repo, commit);
  RETURN_IF_ERROR(folders_.Make(repo, folder.parent_path()));
  RETURN_IF_ERROR(MakeRealFolders(files_, FoldersOnTheWay(folder, path.text())).status());
  return files_.Open(folder / path.text(), OpenMode::kCreate).status();
}

absl::Status DiskCache::ApplyReaders(const RepoId& repo) {
  return folders_.Apply(repo);
}

absl::StatusOr<Removal> DiskCache::Remove(const RepoId& repo, const CommitId& commit,
                                          const std::vector<std::string>& paths,
                                          absl::FunctionRef<bool()> may_go) {
  return remover_.Remove(repo, commit, paths, may_go);
}

absl::StatusOr<std::optional<Withdrawal>> DiskCache::Withdraw(const FilePlace& place, const Damage& damage) {
  const auto open_partial = [this](const RepoId& repo, const BlobId& blob, uint64_t size_bytes) {
    return OpenPartialFile(repo, blob, size_bytes);
  };
  return Quarantine(layout_, files_, gate_, verified_, open_partial).TakeIn(place, damage);
}

absl::StatusOr<Removal> DiskCache::RemoveLoose(const RepoId& repo, const std::vector<std::string>& names) {
  return remover_.RemoveLoose(repo, names);
}

// Puts a new file in the place of `path`, whose folder exists, as one step that survives a power cut.
absl::Status DiskCache::Replace(const RepoId& repo, const Path& path,
                                const std::function<absl::Status(File&)>& write) {
  const Path temp = temp_names_.Next(layout_.Repo(repo));
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, OpenFresh(files_, temp));
  absl::Status status = write(*file);
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = files_.Rename(temp, path);
  if (!status.ok()) {
    files_.Remove(temp).IgnoreError();  // the first error is what the caller must hear
    return status;
  }
  return files_.SyncFolder(path.parent_path());
}

}  // namespace batuta::cache
