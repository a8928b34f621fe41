#include "client/commands/hf_cache_export.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/archive/cache_layout.h"
#include "client/archive/tar_writer.h"
#include "client/output/cache_view.h"
#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr size_t kBlock = 1 << 20;
constexpr uint64_t kMaxTreeBytes =
    8 << 20;  // what one message to the daemon can hold, with the files beside it

absl::StatusOr<RepoId> ParseWire(const v1::RepoId& repo) {
  ASSIGN_OR_RETURN(const RepoType type, ParseRepoType(TypeWord(repo.type())));
  return RepoId::Parse(type, repo.id());
}

// Nothing when it is not there.
absl::StatusOr<std::optional<UniqueFd>> OpenIfThere(const std::filesystem::path& path, uint64_t* size_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  struct stat info = {};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    return ErrnoError(errno, fmt::format("read {}", Quoted(path.native())));
  }
  *size_bytes = static_cast<uint64_t>(info.st_size);
  return fd;
}

// Hands the file's bytes on, block by block.
template <typename Take>
absl::Status ReadAll(int fd, uint64_t size_bytes, std::string_view shown, Take take) {
  std::string block(static_cast<size_t>(std::min<uint64_t>(size_bytes, kBlock)), '\0');
  while (size_bytes > 0) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(size_bytes, block.size()));
    const ssize_t count = ::read(fd, block.data(), wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, fmt::format("read {}", Quoted(shown)));
    if (count == 0) {
      return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed,
                       fmt::format("{} became shorter while it was read", Quoted(shown)));
    }
    RETURN_IF_ERROR(take(std::string_view(block).substr(0, static_cast<size_t>(count))));
    size_bytes -= static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

// Writes commits one after another: of each first what it is, then the blobs that have not come yet. So a
// reader knows of each blob, when it comes, what it is for, and at the last blob of a commit that the commit
// is complete.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(TarWriter& tar) : tar_(tar) {}

  absl::Status Write(const RepoId& repo, const v1::LeaseResponse& held) {
    RETURN_IF_ERROR(tar_.Folder(SnapshotFolder(repo, held.commit())));
    for (const v1::CachedFile& file : held.files()) {
      if (!BlobId::Parse(file.blob()).ok()) {
        return MakeError(absl::StatusCode::kFailedPrecondition, {},
                         fmt::format("{}: {} has no hash by which it could be verified where it arrives",
                                     repo.id(), Printable(file.path())),
                         "only what lies among the blobs of a cache can be exported");
      }
      RETURN_IF_ERROR(
          tar_.Symlink(LinkPath(repo, held.commit(), file.path()), LinkTarget(file.path(), file.blob())));
    }
    RETURN_IF_ERROR(WriteTree(repo, held));
    for (const std::string& ref : held.refs()) {
      RETURN_IF_ERROR(tar_.File(RefPath(repo, ref), held.commit()));
    }
    for (const v1::CachedFile& file : held.files()) {
      if (written_.emplace(repo, file.blob()).second) RETURN_IF_ERROR(WriteBlob(repo, held, file));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status WriteTree(const RepoId& repo, const v1::LeaseResponse& held) {
    const std::filesystem::path path =
        std::filesystem::path(held.repo_path()) / "trees" / (held.commit() + ".json");
    uint64_t size_bytes = 0;
    ASSIGN_OR_RETURN(const std::optional<UniqueFd> fd, OpenIfThere(path, &size_bytes));
    if (!fd || size_bytes > kMaxTreeBytes) return absl::OkStatus();
    std::string text;
    RETURN_IF_ERROR(ReadAll(fd->get(), size_bytes, path.native(), [&text](std::string_view bytes) {
      text += bytes;
      return absl::OkStatus();
    }));
    return tar_.File(TreePath(repo, held.commit()), text);
  }

  absl::Status WriteBlob(const RepoId& repo, const v1::LeaseResponse& held, const v1::CachedFile& file) {
    const std::filesystem::path path = std::filesystem::path(held.repo_path()) / "blobs" / file.blob();
    uint64_t size_bytes = 0;
    ASSIGN_OR_RETURN(const std::optional<UniqueFd> fd, OpenIfThere(path, &size_bytes));
    if (!fd) {
      return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                       fmt::format("{} vanished from the cache meanwhile", Quoted(path.native())),
                       "another program is deleting from the cache");
    }
    RETURN_IF_ERROR(tar_.BeginFile(BlobPath(repo, file.blob()), size_bytes));
    return ReadAll(fd->get(), size_bytes, path.native(),
                   [this](std::string_view bytes) { return tar_.Append(std::as_bytes(std::span(bytes))); });
  }

  TarWriter& tar_;
  std::set<std::pair<RepoId, std::string>> written_;
};

// A file that has its name only when it is whole.
class NewFile {
 public:
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(const std::string& path) {
    std::unique_ptr<NewFile> file(new NewFile);
    file->path_ = path;
    file->temp_ = fmt::format("{}.{}.tmp", path, ::getpid());
    file->fd_ = UniqueFd(::open(file->temp_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file->fd_) return ErrnoError(errno, fmt::format("write {}", Quoted(path)));
    return file;
  }

  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  ~NewFile() {
    if (fd_) ::unlink(temp_.c_str());
  }

  int fd() const { return fd_.get(); }

  absl::Status Commit() {
    if (::fsync(fd_.get()) != 0 || ::rename(temp_.c_str(), path_.c_str()) != 0) {
      return ErrnoError(errno, fmt::format("write {}", Quoted(path_)));
    }
    fd_.Reset();
    return absl::OkStatus();
  }

 private:
  NewFile() = default;

  std::string path_;
  std::string temp_;
  UniqueFd fd_;
};

}  // namespace

std::string_view HfCacheExport::examples() const {
  return "batuta hf cache export otter.tar model acme/otter-tiny\n"
         "batuta hf cache export all.tar model/acme/otter-tiny dataset/acme/notes\n"
         "batuta hf cache export - model acme/otter-tiny | ssh HOST batuta hf cache import -\n";
}

void HfCacheExport::DefineFlags(Flags& flags) {
  flags.Required(&file_, "FILE", "the archive; - for the standard output");
  targets_.Define(flags, CacheTargets::Count::kOneOrMore);
}

absl::Status HfCacheExport::Run(Context& context) {
  const bool to_stdout = file_ == "-";
  RETURN_IF_ERROR(targets_.Parse());
  if (to_stdout && context.output.options().data_is_terminal) {
    return UsageError("an archive is nothing for a terminal", "name a file, or redirect the output");
  }
  if (to_stdout && context.output.json()) {
    return UsageError("the standard output cannot be both the archive and a document", "name a file");
  }
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ASSIGN_OR_RETURN(const std::vector<Held> commits, Hold(*connection.client));
  std::unique_ptr<NewFile> file;
  if (!to_stdout) {
    ASSIGN_OR_RETURN(file, NewFile::Create(file_));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<TarWriter> tar,
                   TarWriter::Create(file ? file->fd() : STDOUT_FILENO, context.clock.wall()));
  ArchiveWriter writer(*tar);
  for (const Held& commit : commits) RETURN_IF_ERROR(writer.Write(commit.repo, commit.lease->held()));
  RETURN_IF_ERROR(tar->Finish());
  if (file) RETURN_IF_ERROR(file->Commit());
  Report(context, commits, tar->written_bytes());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<HfCacheExport::Held>> HfCacheExport::Hold(DaemonClient& client) const {
  ASSIGN_OR_RETURN(const std::vector<CacheTarget> targets, targets_.Find(client));
  ASSIGN_OR_RETURN(const v1::ListReposResponse cache, client.ListRepos());
  std::vector<Held> commits;
  const auto hold = [&](const v1::RepoId& wire, const std::string& revision) -> absl::Status {
    ASSIGN_OR_RETURN(RepoId repo, ParseWire(wire));
    v1::LeaseRequest request;
    *request.mutable_repo() = wire;
    request.set_revision(revision);
    ASSIGN_OR_RETURN(std::unique_ptr<HeldLease> lease, client.Lease(request));
    const bool is_known = std::any_of(commits.begin(), commits.end(), [&](const Held& held) {
      return held.repo == repo && held.lease->held().commit() == lease->held().commit();
    });
    if (!is_known && !lease->held().files().empty()) commits.push_back({std::move(repo), std::move(lease)});
    return absl::OkStatus();
  };
  for (const CacheTarget& target : targets) {
    std::vector<std::string> revisions;
    for (const v1::CachedRepo& repo : cache.repos()) {
      const bool is_meant = repo.repo().type() == target.repo.type() && repo.repo().id() == target.repo.id();
      if (!is_meant || !target.revision.empty()) continue;
      for (const v1::CachedRevision& revision : repo.revisions()) revisions.push_back(revision.commit());
    }
    // What is not cached at all is the daemon's to refuse.
    if (revisions.empty()) revisions.push_back(target.revision);
    for (const std::string& revision : revisions) RETURN_IF_ERROR(hold(target.repo, revision));
  }
  if (commits.empty()) {
    return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss, "no file of that is in the cache",
                     "batuta hf cache ls");
  }
  return commits;
}

void HfCacheExport::Report(Context& context, const std::vector<Held>& commits, uint64_t size_bytes) const {
  for (const Held& commit : commits) {
    context.output.Talk(fmt::format("exported {} {}@{}: {} files", ToString(commit.repo.type()),
                                    commit.repo.id(), commit.lease->held().commit().substr(0, 12),
                                    commit.lease->held().files_size()));
  }
  if (file_ == "-") return;
  context.output.Talk(fmt::format("{} in {}", FormatBytes(size_bytes), Printable(file_)));
  if (context.output.quiet()) context.output.DataLine(Printable(file_));
  if (!context.output.json()) return;
  JsonWriter json;
  json.BeginObject().Field("file", file_).Field("size_bytes", size_bytes).Key("commits").BeginArray();
  for (const Held& commit : commits) {
    const v1::LeaseResponse& held = commit.lease->held();
    json.BeginObject().Field("repo", commit.repo.id()).Field("type", ToString(commit.repo.type()));
    json.Field("commit", held.commit()).Key("refs").BeginArray();
    for (const std::string& ref : held.refs()) json.String(ref);
    json.EndArray().Field("files", static_cast<uint64_t>(held.files_size())).EndObject();
  }
  json.EndArray().EndObject();
  context.output.Data(json.Take());
}

}  // namespace batuta::client
