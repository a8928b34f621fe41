#include "daemon/service/codec.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"
#include "daemon/service/fit_codec.h"

namespace batuta::service {

namespace {

constexpr uint32_t kDefaultLimit = 20;
constexpr uint32_t kMaxLimit = 1'000;
constexpr int kMaxPatterns = 10'000;
constexpr int kMaxLocked = 50'000;
constexpr size_t kMaxText = 4'096;  // no path of a repo is longer

absl::Status Invalid(std::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, what);
}

// Control characters would travel into URLs and logs.
absl::Status CheckText(std::string_view name, std::string_view text) {
  if (text.size() > kMaxText) return Invalid(fmt::format("{} is longer than {} bytes", name, kMaxText));
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f) return Invalid(fmt::format("{} holds a control character", name));
  }
  return absl::OkStatus();
}

template <typename Strings>
absl::StatusOr<std::vector<std::string>> DecodeTexts(std::string_view name, const Strings& texts) {
  if (texts.size() > kMaxPatterns) return Invalid(fmt::format("more than {} of {}", kMaxPatterns, name));
  for (const std::string& text : texts) RETURN_IF_ERROR(CheckText(name, text));
  return std::vector<std::string>(texts.begin(), texts.end());
}

template <typename Entries>
absl::StatusOr<std::vector<Entry>> DecodeLocked(const Entries& entries) {
  if (entries.size() > kMaxLocked) return Invalid(fmt::format("more than {} locked files", kMaxLocked));
  std::vector<Entry> locked;
  for (const v1::Entry& entry : entries) {
    ASSIGN_OR_RETURN(RepoPath path, RepoPath::Parse(entry.path()));
    ASSIGN_OR_RETURN(BlobId blob, BlobId::Parse(entry.blob()));
    locked.push_back({std::move(path), entry.size_bytes(), std::move(blob)});
  }
  return locked;
}

v1::Priority EncodePriority(Priority priority) {
  switch (priority) {
    case Priority::kInteractive:
      return v1::PRIORITY_INTERACTIVE;
    case Priority::kNormal:
      return v1::PRIORITY_NORMAL;
    case Priority::kBackground:
      return v1::PRIORITY_BACKGROUND;
  }
  return v1::PRIORITY_UNSPECIFIED;
}

v1::PullFile::Status EncodeStatus(jobs::JobFile::Status status) {
  using Status = jobs::JobFile::Status;
  switch (status) {
    case Status::kPending:
      return v1::PullFile::STATUS_PENDING;
    case Status::kRunning:
      return v1::PullFile::STATUS_RUNNING;
    case Status::kDownloaded:
      return v1::PullFile::STATUS_DOWNLOADED;
    case Status::kCached:
      return v1::PullFile::STATUS_CACHED;
    case Status::kSkipped:
      return v1::PullFile::STATUS_SKIPPED;
    case Status::kFailed:
      return v1::PullFile::STATUS_FAILED;
  }
  return v1::PullFile::STATUS_UNSPECIFIED;
}

v1::PullFile::Status EncodeAction(pull::PlannedFile::Action action) {
  using Action = pull::PlannedFile::Action;
  switch (action) {
    case Action::kDownload:
      return v1::PullFile::STATUS_PENDING;
    case Action::kCached:
      return v1::PullFile::STATUS_CACHED;
    case Action::kSkip:
      return v1::PullFile::STATUS_SKIPPED;
  }
  return v1::PullFile::STATUS_UNSPECIFIED;
}

absl::StatusOr<pull::NameReviewMode> DecodeNameReview(v1::NameReview mode) {
  switch (mode) {
    case v1::NAME_REVIEW_UNSPECIFIED:
      return pull::NameReviewMode::kRefuseConfusable;
    case v1::NAME_REVIEW_ASK:
      return pull::NameReviewMode::kAsk;
    case v1::NAME_REVIEW_ACCEPTED:
      return pull::NameReviewMode::kAccepted;
    default:
      return Invalid("name_review is none of those that this daemon knows");
  }
}

}  // namespace

v1::Job::State EncodeState(jobs::JobState state) {
  using jobs::JobState;
  switch (state) {
    case JobState::kQueued:
      return v1::Job::STATE_QUEUED;
    case JobState::kRunning:
      return v1::Job::STATE_RUNNING;
    case JobState::kWaiting:
      return v1::Job::STATE_WAITING;
    case JobState::kPaused:
      return v1::Job::STATE_PAUSED;
    case JobState::kDone:
      return v1::Job::STATE_DONE;
    case JobState::kFailed:
      return v1::Job::STATE_FAILED;
    case JobState::kCancelled:
      return v1::Job::STATE_CANCELLED;
  }
  return v1::Job::STATE_UNSPECIFIED;
}

std::string Sendable(std::string text) {
  return IsValidUtf8(text) ? std::move(text) : Printable(text);
}

absl::StatusOr<RepoType> DecodeType(v1::RepoType type) {
  switch (type) {
    case v1::REPO_TYPE_MODEL:
      return RepoType::kModel;
    case v1::REPO_TYPE_DATASET:
      return RepoType::kDataset;
    case v1::REPO_TYPE_SPACE:
      return RepoType::kSpace;
    default:
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidRepoId, "the repo has no type",
                       "say model, dataset or space");
  }
}

absl::StatusOr<RepoId> DecodeRepo(const v1::RepoId& repo) {
  ASSIGN_OR_RETURN(const RepoType type, DecodeType(repo.type()));
  return RepoId::Parse(type, repo.id());
}

absl::StatusOr<Revision> DecodeRevision(const std::string& revision) {
  if (revision.empty()) return Revision::Main();
  return Revision::Parse(revision);
}

absl::StatusOr<hub::SearchQuery> DecodeSearch(const v1::SearchRequest& request) {
  hub::SearchQuery query;
  ASSIGN_OR_RETURN(query.type, DecodeType(request.type()));
  RETURN_IF_ERROR(CheckText("query", request.query()));
  RETURN_IF_ERROR(CheckText("author", request.author()));
  RETURN_IF_ERROR(CheckText("task", request.task()));
  RETURN_IF_ERROR(CheckText("library", request.library()));
  query.text = request.query();
  query.author = request.author();
  query.task = request.task();
  query.library = request.library();
  ASSIGN_OR_RETURN(query.tags, DecodeTexts("tags", request.tags()));

  constexpr std::array<std::string_view, 6> kSorts{"",      "createdAt",    "downloads", "lastModified",
                                                   "likes", "trendingScore"};
  if (std::ranges::find(kSorts, request.sort()) == kSorts.end()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     "unknown order of search results",
                     "say createdAt, downloads, lastModified, likes or trendingScore");
  }
  query.sort = request.sort();
  query.limit = request.limit() == 0 ? kDefaultLimit : request.limit();
  if (query.limit > kMaxLimit) return Invalid(fmt::format("limit is more than {}", kMaxLimit));
  return query;
}

absl::StatusOr<hub::Memory> DecodeMemory(bool refresh, bool offline) {
  if (refresh && offline) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     "refresh and offline exclude each other: one asks the hub in any case, the other never",
                     "leave one of them out");
  }
  return offline ? hub::Memory::kOnly : refresh ? hub::Memory::kRenew : hub::Memory::kUse;
}

absl::StatusOr<Priority> DecodePriority(v1::Priority priority) {
  switch (priority) {
    case v1::PRIORITY_INTERACTIVE:
      return Priority::kInteractive;
    case v1::PRIORITY_UNSPECIFIED:
    case v1::PRIORITY_NORMAL:
      return Priority::kNormal;
    case v1::PRIORITY_BACKGROUND:
      return Priority::kBackground;
    default:
      return Invalid("unknown priority");
  }
}

absl::StatusOr<budget::ReserveRequest> DecodeReserve(const v1::ReserveRequest& request) {
  using transport::HttpMethod;
  static constexpr std::pair<std::string_view, HttpMethod> kMethods[] = {
      {"", HttpMethod::kGet},      {"GET", HttpMethod::kGet}, {"HEAD", HttpMethod::kHead},
      {"POST", HttpMethod::kPost}, {"PUT", HttpMethod::kPut}, {"DELETE", HttpMethod::kDelete}};
  const auto* const method = std::ranges::find(kMethods, std::string_view(request.method()),
                                               [](const auto& row) { return row.first; });
  if (method == std::end(kMethods)) {
    return Invalid(fmt::format("{} is no method of a request to the hub", Quoted(request.method())));
  }
  RETURN_IF_ERROR(CheckText("url", request.url()));
  budget::ReserveRequest out;
  out.method = method->second;
  out.url = request.url();
  ASSIGN_OR_RETURN(out.priority, DecodePriority(request.priority()));
  out.may_wait = !request.no_wait();
  return out;
}

absl::StatusOr<budget::ReportedAnswer> DecodeSettle(const v1::SettleRequest& request) {
  constexpr uint32_t kLowestStatus = 100;
  constexpr uint32_t kHighestStatus = 599;
  if (request.status() != 0 && (request.status() < kLowestStatus || request.status() > kHighestStatus)) {
    return Invalid(fmt::format("{} is no HTTP status", request.status()));
  }
  return budget::ReportedAnswer{.status = static_cast<int>(request.status()),
                                .never_sent = request.never_sent(),
                                .rate_limit = request.rate_limit(),
                                .rate_limit_policy = request.rate_limit_policy(),
                                .retry_after = request.retry_after()};
}

absl::StatusOr<pull::PullRequest> DecodePull(const v1::PullSpec& spec) {
  ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(spec.repo()));
  ASSIGN_OR_RETURN(Revision revision, DecodeRevision(spec.revision()));
  pull::PullRequest request{.repo = std::move(repo), .revision = std::move(revision), .selection = {}};
  request.selection.repo_type = request.repo.type();
  ASSIGN_OR_RETURN(request.selection.paths, DecodeTexts("paths", spec.paths()));
  ASSIGN_OR_RETURN(request.selection.include, DecodeTexts("include", spec.include()));
  ASSIGN_OR_RETURN(request.selection.exclude, DecodeTexts("exclude", spec.exclude()));
  ASSIGN_OR_RETURN(request.selection.allow_unsafe, DecodeTexts("allow_unsafe", spec.allow_unsafe()));
  request.selection.allow_malicious = spec.allow_malicious();
  RETURN_IF_ERROR(CheckText("format", spec.format()));
  RETURN_IF_ERROR(CheckText("quantization", spec.quantization()));
  ASSIGN_OR_RETURN(request.selection.locked, DecodeLocked(spec.locked()));
  request.selection.format = spec.format();
  request.selection.quantization = spec.quantization();
  ASSIGN_OR_RETURN(request.priority, DecodePriority(spec.priority()));
  request.limit_bytes_per_second = spec.limit_bytes_per_second();
  RETURN_IF_ERROR(DecodeMemory(spec.refresh(), spec.offline()).status());
  request.offline = spec.offline();
  request.refresh = spec.refresh();
  ASSIGN_OR_RETURN(request.name_review, DecodeNameReview(spec.name_review()));
  request.accept_replaced = spec.accept_replaced();
  request.may_wait = !spec.no_wait();
  if (!spec.has_auto_quantize()) return request;
  ASSIGN_OR_RETURN(request.fit, DecodeFit(spec.auto_quantize()));
  if (spec.quantization().empty()) return request;
  return Invalid("auto_quantize and quantization exclude each other");
}

void Encode(WallTime time, google::protobuf::Timestamp* out) {
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(nanos);
  out->set_seconds(seconds.count());
  out->set_nanos(static_cast<int32_t>((nanos - seconds).count()));
}

void Encode(const RepoId& repo, v1::RepoId* out) {
  switch (repo.type()) {
    case RepoType::kModel:
      out->set_type(v1::REPO_TYPE_MODEL);
      break;
    case RepoType::kDataset:
      out->set_type(v1::REPO_TYPE_DATASET);
      break;
    case RepoType::kSpace:
      out->set_type(v1::REPO_TYPE_SPACE);
      break;
  }
  out->set_id(repo.id());
}

void Encode(const Entry& entry, v1::Entry* out) {
  out->set_path(entry.path.text());
  out->set_size_bytes(entry.size_bytes);
  out->set_blob(entry.blob.hex());
}

void Encode(const hub::RepoSummary& summary, v1::RepoSummary* out) {
  Encode(summary.repo, out->mutable_repo());
  out->set_downloads(summary.downloads);
  out->set_likes(summary.likes);
  out->set_is_private(summary.is_private);
  out->set_gated(summary.gated);
  out->set_task(summary.task);
  out->set_library(summary.library);
  for (const std::string& tag : summary.tags) out->add_tags(tag);
  if (summary.created) Encode(*summary.created, out->mutable_created());
  if (summary.last_modified) Encode(*summary.last_modified, out->mutable_last_modified());
}

void Encode(const hub::RepoInfo& info, v1::GetRepoResponse* out) {
  Encode(info.summary, out->mutable_summary());
  out->set_commit(info.commit.hex());
  out->set_hub_id(info.hub_id);
  out->set_author(info.author);
  out->set_license(info.license);
  for (const std::string& base : info.base_models) out->add_base_models(base);
  out->set_parameters(info.parameters);
  out->set_disabled(info.disabled);
  out->set_file_count(info.file_count);
  out->set_used_storage_bytes(info.used_storage_bytes);
}

void Encode(const hub::Identity& identity, v1::WhoAmIResponse* out) {
  out->set_name(identity.name);
  out->set_full_name(identity.full_name);
  out->set_email(identity.email);
  out->set_kind(identity.kind);
  for (const std::string& organization : identity.organizations) out->add_organizations(organization);
  out->set_token_name(identity.token_name);
  out->set_token_role(identity.token_role);
}

void Encode(const pull::Review& review, v1::RepoReview* out) {
  out->set_is_new(review.is_new);
  out->set_is_well_known(review.name.is_known);
  out->set_confusable_with(review.name.confusable_with);
  out->set_is_trusted(review.name.is_trusted);
  out->set_why(review.name.why);
  for (const std::string& note : review.name.notes) out->add_notes(note);
  if (review.info) {
    const hub::RepoSummary& summary = review.info->summary;
    Encode(summary.repo, out->mutable_repo());
    out->set_author(Sendable(review.info->author));
    if (summary.created) Encode(*summary.created, out->mutable_created());
    out->set_downloads(summary.downloads);
    out->set_likes(summary.likes);
    out->set_license(Sendable(review.info->license));
    out->set_gated(Sendable(summary.gated));
  }
  if (!review.is_replaced()) return;
  v1::RepoReplacement* const replaced = out->mutable_replaced();
  replaced->set_hub_id_before(Sendable(review.before->hub_id));
  if (review.before->created) Encode(*review.before->created, replaced->mutable_created_before());
  replaced->set_hub_id(Sendable(review.now.hub_id));
  if (review.now.created) Encode(*review.now.created, replaced->mutable_created());
}

void Encode(const pull::PlannedFile& file, v1::PullFile* out) {
  out->set_path(file.entry.path.text());
  out->set_size_bytes(file.entry.size_bytes);
  out->set_blob(file.entry.blob.hex());
  out->set_status(EncodeAction(file.action));
  out->set_reason(file.reason);
  out->set_warning(file.warning);
}

void Encode(const jobs::JobFile& file, v1::PullFile* out) {
  out->set_path(file.path);
  out->set_size_bytes(file.size_bytes);
  out->set_blob(file.blob);
  out->set_status(EncodeStatus(file.status));
  out->set_reason(file.reason);
  out->set_warning(file.warning);
  out->set_done_bytes(file.done_bytes);
}

void Encode(const jobs::JobView& job, v1::Job* out) {
  const jobs::JobRecord& record = job.record;
  out->set_id(record.id);
  Encode(record.repo(), out->mutable_repo());
  out->set_revision(record.revision().text());
  out->set_commit(record.commit);
  out->set_state(EncodeState(record.state));
  out->set_waiting_reason(job.waiting_reason);
  if (job.waiting_until) Encode(*job.waiting_until, out->mutable_waiting_until());
  out->set_total_bytes(job.total_bytes);
  out->set_done_bytes(job.done_bytes);
  out->set_downloaded_bytes(record.downloaded_bytes);
  out->set_bytes_per_second(job.bytes_per_second);
  out->set_files_total(job.files_total);
  out->set_files_done(job.files_done);
  out->set_attempts(static_cast<uint32_t>(job.attempts));
  Encode(record.created, out->mutable_created());
  if (record.finished) Encode(*record.finished, out->mutable_finished());
  out->set_elapsed_ms(record.elapsed_ms);
  if (record.state == jobs::JobState::kDone) out->set_snapshot_path(record.snapshot_path);
  if (record.state == jobs::JobState::kFailed) *out->mutable_error() = ToErrorText(record.error);
  out->set_priority(EncodePriority(record.priority()));
  out->set_limit_bytes_per_second(record.limit_bytes_per_second());
  out->set_tool(record.owner.tool);
  out->set_uid(record.owner.uid);
  out->set_last_error(job.last_error);
  out->set_kind(record.is_push() ? v1::Job::KIND_PUSH : v1::Job::KIND_PULL);
  if (!record.is_push() && record.pull().choice) {
    out->set_chosen(Sendable(record.pull().choice->label));
    out->set_choice(Sendable(record.pull().choice->why));
  }
  if (record.is_push()) {
    out->set_phase(std::string(job.phase));
    out->set_local_path(Sendable(record.push().path.string()));
    out->set_url(record.url);
    out->set_card(record.card);
    out->set_uploaded_bytes(record.uploaded_bytes);
  }
  if (job.review != nullptr) Encode(*job.review, out->mutable_review());
}

void Encode(const budget::WindowView& window, v1::Window* out) {
  out->set_endpoint(window.endpoint);
  out->set_identity(window.identity);
  out->set_kind(std::string(ToString(window.kind)));
  out->set_quota(window.state.quota);
  out->set_remaining(window.state.remaining);
  Encode(window.state.resets_at, out->mutable_resets_at());
  out->set_waiting(window.waiting);
  out->set_closed(window.state.closed);
  out->set_learned(window.state.learned);
  out->set_window_seconds(static_cast<uint64_t>(window.state.length.count()));
  out->set_scarce(window.is_scarce);
  for (const budget::Spending& one : window.spending) {
    v1::Spending* const spending = out->add_spending();
    spending->set_uid(one.principal.uid);
    spending->set_tool(Sendable(one.principal.tool));
    spending->set_requests(one.requests);
    spending->set_waiting(one.waiting);
  }
}

void Encode(const transport::WaitInfo& info, v1::ReserveResponse::Waiting* out) {
  out->set_reason(info.reason);
  out->set_window(info.window);
  Encode(info.until, out->mutable_until());
}

void Encode(const budget::Reservation& reservation, v1::ReserveResponse::Reservation* out) {
  out->set_id(reservation.id);
  out->set_identity(reservation.window.identity);
  out->set_kind(std::string(ToString(reservation.window.kind)));
  Encode(reservation.expires_at, out->mutable_expires());
}

}  // namespace batuta::service
