#include "daemon/service/push_codec.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/service/codec.h"

namespace batuta::service {

namespace {

constexpr size_t kMostGlobs = 1'000;
constexpr size_t kMostFingerprints = 10'000;
constexpr size_t kMostTitle = 500;  // bytes
constexpr size_t kMostDescription = 64 * 1024;
constexpr size_t kMostPath = 4'096;
constexpr size_t kMostName = 255;
constexpr size_t kMostFolderId = 64;

absl::Status Invalid(std::string_view text) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, text);
}

absl::StatusOr<std::filesystem::path> DecodePath(const std::string& text) {
  std::filesystem::path path = text;
  if (!path.is_absolute() || text.size() > kMostPath || text.find('\0') != std::string::npos)
    return Invalid(fmt::format("{} is no absolute path", Quoted(text)));
  return path.lexically_normal();
}

absl::StatusOr<std::optional<push::ServedBy>> DecodeServed(const std::string& folder_id, uint32_t uid) {
  if (folder_id.empty()) return std::nullopt;
  if (folder_id.size() > kMostFolderId) return Invalid("that is no id of a folder");
  return push::ServedBy{.uid = uid, .id = folder_id};
}

FolderEntryKind DecodeKind(v1::ServedEntry::Kind kind) {
  switch (kind) {
    case v1::ServedEntry::KIND_FILE:
      return FolderEntryKind::kFile;
    case v1::ServedEntry::KIND_FOLDER:
      return FolderEntryKind::kFolder;
    case v1::ServedEntry::KIND_UNREADABLE:
      return FolderEntryKind::kUnreadable;
    case v1::ServedEntry::KIND_DEAD_LINK:
      return FolderEntryKind::kDeadLink;
    case v1::ServedEntry::KIND_FOLDER_LINK:
      return FolderEntryKind::kFolderLink;
    case v1::ServedEntry::KIND_PIPE:
      return FolderEntryKind::kPipe;
    case v1::ServedEntry::KIND_SOCKET:
      return FolderEntryKind::kSocket;
    case v1::ServedEntry::KIND_DEVICE:
      return FolderEntryKind::kDevice;
    default:
      return FolderEntryKind::kOther;
  }
}

v1::PushFile::Change EncodeChange(push::Change change) {
  switch (change) {
    case push::Change::kAdded:
      return v1::PushFile::CHANGE_ADDED;
    case push::Change::kModified:
      return v1::PushFile::CHANGE_MODIFIED;
    case push::Change::kUnchanged:
      return v1::PushFile::CHANGE_UNCHANGED;
    case push::Change::kDeleted:
      return v1::PushFile::CHANGE_DELETED;
    case push::Change::kIgnored:
      return v1::PushFile::CHANGE_IGNORED;
  }
  return v1::PushFile::CHANGE_UNSPECIFIED;
}

v1::PushFile::Status EncodeStatus(jobs::PushedFile::Status status) {
  using Status = jobs::PushedFile::Status;
  switch (status) {
    case Status::kPending:
      return v1::PushFile::STATUS_PENDING;
    case Status::kRunning:
      return v1::PushFile::STATUS_RUNNING;
    case Status::kSent:
      return v1::PushFile::STATUS_SENT;
    case Status::kStored:
      return v1::PushFile::STATUS_STORED;
    case Status::kCommitted:
      return v1::PushFile::STATUS_COMMITTED;
  }
  return v1::PushFile::STATUS_UNSPECIFIED;
}

void EncodeFinding(const secrets::Finding& finding, v1::SecretFinding* out) {
  out->set_path(Sendable(finding.path));
  out->set_line(finding.line);
  out->set_column(finding.column);
  out->set_kind(Sendable(finding.kind));
  out->set_description(Sendable(finding.description));
  out->set_tier(std::string(secrets::ToString(finding.tier)));
  out->set_excerpt(Sendable(finding.excerpt));
  out->set_fingerprint(Sendable(finding.fingerprint));
}

}  // namespace

absl::StatusOr<push::PushRequest> DecodePush(const v1::PushSpec& spec, uint32_t uid) {
  ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(spec.repo()));
  ASSIGN_OR_RETURN(std::filesystem::path path, DecodePath(spec.path()));
  ASSIGN_OR_RETURN(std::optional<push::ServedBy> served, DecodeServed(spec.folder_id(), uid));
  ASSIGN_OR_RETURN(Revision branch, DecodeRevision(spec.revision()));
  if (branch.AsCommit()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidRevision,
                     fmt::format("{} is a commit: a push goes to a branch", branch.text()));
  }
  if (spec.message().size() > kMostTitle)
    return Invalid(fmt::format("the message is longer than {} bytes; the rest belongs into the description",
                               kMostTitle));
  if (spec.message().find('\n') != std::string::npos)
    return Invalid("the message has more than one line; the rest belongs into the description");
  if (spec.description().size() > kMostDescription)
    return Invalid(fmt::format("the description is longer than {} bytes", kMostDescription));
  if (spec.delete_globs_size() > static_cast<int>(kMostGlobs))
    return Invalid(fmt::format("more than {} globs of what to delete", kMostGlobs));
  if (spec.allow_secrets_size() > static_cast<int>(kMostFingerprints))
    return Invalid(
        fmt::format("more than {} findings to allow: .gitleaksignore takes any number", kMostFingerprints));
  ASSIGN_OR_RETURN(const Priority priority, DecodePriority(spec.priority()));
  return push::PushRequest{
      .repo = std::move(repo),
      .path = std::move(path),
      .served = std::move(served),
      .branch = std::move(branch),
      .message = spec.message(),
      .description = spec.description(),
      .create_pr = spec.create_pr(),
      .is_private = spec.is_private(),
      .delete_globs = {spec.delete_globs().begin(), spec.delete_globs().end()},
      .allow_secrets = {spec.allow_secrets().begin(), spec.allow_secrets().end()},
      .makes_card = !spec.no_card(),
      .space_sdk = spec.space_sdk(),
      .priority = priority,
      .limit_bytes_per_second = spec.limit_bytes_per_second(),
      .may_wait = !spec.no_wait(),
  };
}

absl::StatusOr<CardWish> DecodeCardWish(const v1::PreviewCardRequest& request, uint32_t uid) {
  ASSIGN_OR_RETURN(std::filesystem::path path, DecodePath(request.path()));
  ASSIGN_OR_RETURN(std::optional<push::ServedBy> served, DecodeServed(request.folder_id(), uid));
  if (request.has_repo()) {
    ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(request.repo()));
    return CardWish{.path = std::move(path), .served = std::move(served), .repo = std::move(repo)};
  }
  const std::string name = path.has_filename() ? path.filename() : path.parent_path().filename();
  absl::StatusOr<RepoId> repo = RepoId::Parse(RepoType::kModel, name);
  if (repo.ok())
    return CardWish{.path = std::move(path), .served = std::move(served), .repo = *std::move(repo)};
  // A folder that no repo could be called.
  ASSIGN_OR_RETURN(RepoId nameless, RepoId::Parse(RepoType::kModel, "model"));
  return CardWish{.path = std::move(path), .served = std::move(served), .repo = std::move(nameless)};
}

absl::StatusOr<FolderOffer> DecodeOffer(const v1::ServeFolderRequest& request) {
  if (!request.has_folder()) return Invalid("the folder that is served comes first");
  FolderOffer offer;
  ASSIGN_OR_RETURN(offer.path, DecodePath(request.folder().path()));
  const std::string& file = request.folder().only_file();
  if (file.empty()) return offer;
  if (file.size() > kMostName || file == "." || file == ".." || file.find('/') != std::string::npos ||
      file.find('\0') != std::string::npos)
    return Invalid(fmt::format("{} is no name of a file", Quoted(file)));
  offer.only_file = file;
  return offer;
}

push::FolderAnswer DecodeAnswer(v1::ServeFolderRequest& request, absl::Cord data) {
  push::FolderAnswer answer{.number = request.number(),
                            .error_number = request.error_number(),
                            .more = request.more(),
                            .handle = request.handle(),
                            .data = std::move(data)};
  answer.entries.reserve(static_cast<size_t>(request.entries_size()));
  for (v1::ServedEntry& entry : *request.mutable_entries()) {
    answer.entries.push_back({.name = std::move(*entry.mutable_name()),
                              .kind = DecodeKind(entry.kind()),
                              .error_number = entry.error_number(),
                              .stamp = {.device = entry.device(),
                                        .inode = entry.inode(),
                                        .size_bytes = entry.size_bytes(),
                                        .modified_ns = entry.modified_ns(),
                                        .changed_ns = entry.changed_ns()}});
  }
  return answer;
}

void Encode(const push::FolderQuestion& question, v1::ServeFolderResponse* out) {
  using Kind = push::FolderQuestion::Kind;
  out->set_number(question.number);
  switch (question.kind) {
    case Kind::kList:
      out->set_list(question.path);
      break;
    case Kind::kLookAt:
      out->set_look_at(question.path);
      break;
    case Kind::kOpen:
      out->mutable_open()->set_path(question.path);
      out->mutable_open()->set_head_bytes(question.size_bytes);
      break;
    case Kind::kRead:
      out->mutable_read()->set_handle(question.handle);
      out->mutable_read()->set_offset(question.offset);
      out->mutable_read()->set_size_bytes(question.size_bytes);
      break;
    case Kind::kCheck:
      out->set_check(question.handle);
      break;
    case Kind::kClose:
      out->set_close(question.handle);
      break;
  }
}

void Encode(const push::PlanProgress& progress, v1::PlanProgress* out) {
  out->set_phase(std::string(progress.phase));
  out->set_done_bytes(progress.done_bytes);
  out->set_total_bytes(progress.total_bytes);
  out->set_files_done(progress.files_done);
  out->set_files_total(progress.files_total);
}

void Encode(const push::PushPlan& plan, v1::PushPlan* out) {
  out->set_digest(plan.digest);
  if (plan.head) out->set_head(plan.head->hex());
  out->set_creates_repo(plan.creates_repo);
  out->set_creates_branch(plan.creates_branch);
  out->set_is_private(plan.is_private);
  out->set_license(Sendable(plan.license));
  out->set_card(std::string(card::ToString(plan.card)));
  out->set_card_diff(Sendable(plan.card_diff));
  for (const std::string& source : plan.card_sources) out->add_card_sources(Sendable(source));
  for (const secrets::Finding& finding : plan.findings) EncodeFinding(finding, out->add_findings());
  out->set_findings_allowed(plan.findings_allowed);
  for (const push::Refusal& refusal : plan.refusals) {
    v1::PushRefusal* one = out->add_refusals();
    one->set_path(Sendable(refusal.path));
    one->set_reason(std::string(refusal.reason));
    one->set_text(Sendable(refusal.text));
  }
  for (const std::string& warning : plan.warnings) out->add_warnings(Sendable(warning));
  out->set_bytes_to_send(plan.bytes_to_send);
  out->set_commits(static_cast<uint32_t>(plan.commits));
  out->set_unchanged(static_cast<uint32_t>(
      std::ranges::count(plan.files, push::Change::kUnchanged, &push::PlannedPushFile::change)));
  out->set_bytes_read(plan.bytes_read);
}

void Encode(const push::PlannedPushFile& file, v1::PushFile* out) {
  out->set_path(Sendable(file.path));
  out->set_size_bytes(file.size_bytes);
  out->set_blob(file.blob_text());
  out->set_change(EncodeChange(file.change));
  out->set_is_lfs(file.is_lfs);
  out->set_reason(Sendable(file.reason));
  out->set_warning(Sendable(file.warning));
  out->set_copy_of(Sendable(file.copy_of));
}

void Encode(const jobs::PushedFile& file, v1::PushFile* out) {
  out->set_path(file.path);
  out->set_size_bytes(file.size_bytes);
  out->set_blob(file.blob);
  out->set_change(EncodeChange(file.change));
  out->set_is_lfs(file.is_lfs);
  out->set_status(EncodeStatus(file.status));
  out->set_warning(Sendable(file.warning));
  out->set_done_bytes(file.done_bytes);
  out->set_copy_of(Sendable(file.copy_of));
}

void Encode(const card::Card& card, v1::PreviewCardResponse* out) {
  out->set_card(std::string(card::ToString(card.kind)));
  out->set_readme(Sendable(card.readme));
  for (const card::CardFile& file : card.files) {
    v1::PreviewCardResponse::File* one = out->add_files();
    one->set_path(Sendable(file.path));
    one->set_content(file.content);
  }
  out->set_diff(Sendable(card.diff));
  for (const std::string& source : card.sources) out->add_sources(Sendable(source));
  for (const std::string& warning : card.warnings) out->add_warnings(Sendable(warning));
}

}  // namespace batuta::service
