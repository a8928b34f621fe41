#include "client/commands/hf_cache_import.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>

#include "client/archive/cache_layout.h"
#include "client/archive/tar_reader.h"
#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr size_t kPieceBytes = 512 << 10;
constexpr uint64_t kMaxHeaderBytes = 11 << 20;  // of what the daemon takes in one message
constexpr uint64_t kMaxRefBytes = 256;
constexpr size_t kMaxRefs = 10'000;
constexpr size_t kMaxCommits = 10'000;

absl::Status Damaged(std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, {}, what,
                   "the archive is damaged, or was not made by batuta hf cache export");
}

struct Imported {
  v1::ImportHeader header;
  v1::ImportResponse outcome;
};

// ArchiveIntake hands an archive on to the daemon, commit by commit: it gathers what a commit is, sends that
// before its first blob, then the blobs as they come. What the daemon can tell by itself, above all whether
// bytes are what they claim to be, is left to it.
class ArchiveIntake {
 public:
  // `admitted` is part of every header: what may come in although it is unsafe.
  ArchiveIntake(DaemonClient& client, TarReader& tar, v1::ImportHeader admitted)
      : client_(client), tar_(tar), admitted_(std::move(admitted)) {}

  absl::Status Run() {
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<TarReader::Entry> entry, tar_.Next());
      if (!entry) break;
      ASSIGN_OR_RETURN(const ArchivePlace place, PlaceOf(*entry));
      RETURN_IF_ERROR(Take(*entry, place));
    }
    RETURN_IF_ERROR(EndCommit());
    return done_.empty() ? Damaged("there is no commit in the archive") : absl::OkStatus();
  }

  // What is in the cache now, also after an error.
  const std::vector<Imported>& done() const { return done_; }

 private:
  absl::Status Take(const TarReader::Entry& entry, const ArchivePlace& place) {
    switch (place.kind) {
      case ArchivePlace::Kind::kFolder:
        return absl::OkStatus();
      case ArchivePlace::Kind::kSnapshot:
        return EnterCommit(place);
      case ArchivePlace::Kind::kLink:
        RETURN_IF_ERROR(EnterCommit(place));
        return TakeLink(entry, place);
      case ArchivePlace::Kind::kTree:
      case ArchivePlace::Kind::kRef:
        return TakeText(entry, place);
      case ArchivePlace::Kind::kBlob:
        return TakeBlob(entry, place);
    }
    return absl::OkStatus();
  }

  // A commit lasts until the next one begins.
  absl::Status EnterCommit(const ArchivePlace& place) {
    if (repo_ == place.repo && commit_ == place.commit) {
      return stream_ == nullptr ? absl::OkStatus() : Damaged("a file of a commit comes after its blobs");
    }
    RETURN_IF_ERROR(EndCommit());
    if (!begun_.emplace(*place.repo, place.commit->hex()).second) {
      return Damaged(fmt::format("commit {} comes a second time", place.commit->hex()));
    }
    if (repo_ != place.repo) sent_.clear();
    if (begun_.size() > kMaxCommits) {
      return Damaged(fmt::format("there are more than {} commits in the archive", kMaxCommits));
    }
    repo_ = place.repo;
    commit_ = place.commit;
    header_.mutable_repo()->set_type(WireType(repo_->type()));
    header_.mutable_repo()->set_id(repo_->id());
    header_.set_commit(commit_->hex());
    header_.MergeFrom(admitted_);
    return absl::OkStatus();
  }

  absl::Status TakeLink(const TarReader::Entry& entry, const ArchivePlace& place) {
    if (!paths_.insert(place.path->text()).second) {
      return Damaged(fmt::format("{} is in the archive twice", Quoted(entry.path)));
    }
    v1::Entry& file = *header_.add_files();
    file.set_path(place.path->text());
    file.set_blob(place.blob->hex());
    wanted_.insert(*place.blob);
    return CountHeader(entry.path.size() + entry.target.size());
  }

  absl::Status TakeText(const TarReader::Entry& entry, const ArchivePlace& place) {
    if (repo_ != place.repo || stream_ != nullptr) return OutOfPlace(entry);
    const bool is_ref = place.kind == ArchivePlace::Kind::kRef;
    if (entry.size_bytes > (is_ref ? kMaxRefBytes : kMaxHeaderBytes)) {
      return Damaged(fmt::format("{} in the archive is too long", Quoted(entry.path)));
    }
    std::string text(static_cast<size_t>(entry.size_bytes), '\0');
    ASSIGN_OR_RETURN(const size_t count, tar_.Read(std::as_writable_bytes(std::span(text))));
    text.resize(count);
    RETURN_IF_ERROR(CountHeader(text.size()));
    if (!is_ref) {
      if (place.commit != commit_ || !header_.tree().empty()) return OutOfPlace(entry);
      header_.set_tree(std::move(text));
      return absl::OkStatus();
    }
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (text != commit_->hex() || static_cast<size_t>(header_.refs_size()) >= kMaxRefs) {
      return OutOfPlace(entry);
    }
    header_.add_refs(place.ref->text());
    return absl::OkStatus();
  }

  absl::Status TakeBlob(const TarReader::Entry& entry, const ArchivePlace& place) {
    if (repo_ != place.repo || !wanted_.contains(*place.blob)) return OutOfPlace(entry);
    if (!sent_.insert(*place.blob).second) {
      return Damaged(fmt::format("{} is in the archive twice", Quoted(entry.path)));
    }
    RETURN_IF_ERROR(SendHeader());
    v1::ImportRequest part;
    part.mutable_blob()->set_blob(place.blob->hex());
    part.mutable_blob()->set_size_bytes(entry.size_bytes);
    RETURN_IF_ERROR(stream_->Send(part));
    for (uint64_t left = entry.size_bytes; left > 0;) {
      std::string& piece = *part.mutable_data();
      piece.resize(static_cast<size_t>(std::min<uint64_t>(left, kPieceBytes)));
      ASSIGN_OR_RETURN(const size_t count, tar_.Read(std::as_writable_bytes(std::span(piece))));
      if (count < piece.size()) return Damaged("the archive is cut off");
      left -= count;
      RETURN_IF_ERROR(stream_->Send(part));
    }
    return absl::OkStatus();
  }

  absl::Status SendHeader() {
    if (stream_ != nullptr) return absl::OkStatus();
    stream_ = client_.Import();
    v1::ImportRequest part;
    *part.mutable_header() = header_;
    return stream_->Send(part);
  }

  // Of a commit whose blobs have all come before there is nothing but the header.
  absl::Status EndCommit() {
    if (!commit_) return absl::OkStatus();
    if (header_.files().empty()) {
      return Damaged(fmt::format("commit {} in the archive has no files", commit_->hex()));
    }
    RETURN_IF_ERROR(SendHeader());
    ASSIGN_OR_RETURN(v1::ImportResponse outcome, stream_->Finish());
    stream_.reset();
    header_.clear_tree();
    done_.push_back({std::exchange(header_, {}), std::move(outcome)});
    commit_.reset();
    paths_.clear();
    wanted_.clear();
    header_bytes_ = 0;
    return absl::OkStatus();
  }

  absl::Status CountHeader(uint64_t bytes) {
    constexpr uint64_t kAround = 80;  // of a message, at most
    header_bytes_ += bytes + kAround;
    if (header_bytes_ <= kMaxHeaderBytes) return absl::OkStatus();
    return MakeError(absl::StatusCode::kResourceExhausted, reason::kAnswerTooLarge,
                     fmt::format("commit {} has more files than can be imported at once", commit_->hex()),
                     "unpack the archive into an empty cache with tar instead");
  }

  static absl::Status OutOfPlace(const TarReader::Entry& entry) {
    return Damaged(fmt::format("{} in the archive is where it does not belong", Quoted(entry.path)));
  }

  DaemonClient& client_;
  TarReader& tar_;
  const v1::ImportHeader admitted_;
  std::vector<Imported> done_;
  std::set<std::pair<RepoId, std::string>> begun_;  // commits
  std::optional<RepoId> repo_;
  std::optional<CommitId> commit_;  // the one that is under way
  v1::ImportHeader header_;         // of it
  uint64_t header_bytes_ = 0;
  std::set<std::string> paths_;           // of it
  std::set<BlobId> wanted_;               // by it
  std::set<BlobId> sent_;                 // of the repo
  std::unique_ptr<ImportStream> stream_;  // from its first blob on
};

void Report(Context& context, const std::vector<Imported>& commits) {
  Output& output = context.output;
  for (const Imported& commit : commits) {
    output.Talk(fmt::format("imported {} {}@{}: {} files, {}{}", TypeWord(commit.header.repo().type()),
                            commit.header.repo().id(), commit.header.commit().substr(0, 12),
                            commit.header.files_size(), FormatBytes(commit.outcome.imported_bytes()),
                            commit.outcome.imported_bytes() == 0 ? ": all was here" : ""));
  }
  if (!output.json()) {
    for (const Imported& commit : commits) output.DataLine(Printable(commit.outcome.snapshot_path()));
    return;
  }
  JsonWriter json;
  json.BeginObject().Key("commits").BeginArray();
  for (const Imported& commit : commits) {
    json.BeginObject().Field("repo", commit.header.repo().id());
    json.Field("type", TypeWord(commit.header.repo().type()));
    json.Field("commit", commit.header.commit()).Key("refs").BeginArray();
    for (const std::string& ref : commit.header.refs()) json.String(ref);
    json.EndArray().Field("path", commit.outcome.snapshot_path());
    json.Field("imported_files", commit.outcome.imported_files());
    json.Field("present_files", commit.outcome.present_files());
    json.Field("imported_bytes", commit.outcome.imported_bytes()).EndObject();
  }
  json.EndArray().EndObject();
  output.Data(json.Take());
}

}  // namespace

std::string_view HfCacheImport::examples() const {
  return "batuta hf cache import otter.tar\n"
         "batuta hf cache import old.tar --allow-unsafe  with its pickles, whose author you trust\n"
         "ssh HOST batuta hf cache export - model acme/otter-tiny | batuta hf cache import -\n";
}

void HfCacheImport::DefineFlags(Flags& flags) {
  flags.Required(&file_, "FILE", "the archive; - for the standard input");
  safety_.Define(flags);
}

absl::Status HfCacheImport::Run(Context& context) {
  v1::ImportHeader admitted;
  RETURN_IF_ERROR(safety_.Put(&admitted));
  UniqueFd file;
  if (file_ == "-") {
    if (context.console.input_is_terminal()) {
      return UsageError("an archive cannot be typed", "name a file, or redirect the input");
    }
  } else {
    file = UniqueFd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return ErrnoError(errno, fmt::format("read {}", Quoted(file_)));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<TarReader> tar,
                   TarReader::Create(file ? file.get() : context.console.input_fd()));
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({.send_token = false}));
  ArchiveIntake intake(*connection.client, *tar, std::move(admitted));
  absl::Status status = intake.Run();
  if (status.ok() || !intake.done().empty()) Report(context, intake.done());
  return status;
}

}  // namespace batuta::client
