#include "daemon/service/verify_watch.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/pull/pull_request.h"
#include "daemon/service/cache_codec.h"
#include "daemon/service/cached_place.h"
#include "daemon/service/codec.h"

namespace batuta::service {
namespace {

constexpr size_t kFindingsPerMessage = 500;

v1::VerifyFinding::Problem WireProblem(verify::Problem problem) {
  switch (problem) {
    case verify::Problem::kDamaged:
      return v1::VerifyFinding::PROBLEM_DAMAGED;
    case verify::Problem::kMissing:
      return v1::VerifyFinding::PROBLEM_MISSING;
    case verify::Problem::kUnreadable:
      return v1::VerifyFinding::PROBLEM_UNREADABLE;
    case verify::Problem::kWrongSize:
      return v1::VerifyFinding::PROBLEM_WRONG_SIZE;
    case verify::Problem::kIncomplete:
      return v1::VerifyFinding::PROBLEM_INCOMPLETE;
  }
  return v1::VerifyFinding::PROBLEM_UNSPECIFIED;
}

void Encode(const verify::Finding& finding, v1::VerifyFinding* message) {
  service::Encode(finding.repo, message->mutable_repo());
  message->set_commit(finding.commit);
  message->set_path(Sendable(finding.path));
  message->set_blob(finding.blob);
  message->set_size_bytes(finding.size_bytes);
  message->set_problem(WireProblem(finding.problem));
  message->set_detail(Sendable(finding.detail));
  message->set_damaged_bytes(finding.damaged_bytes);
}

void Encode(const verify::Progress& progress, v1::VerifyResponse* response) {
  response->set_checked_files(progress.checked_files);
  response->set_checked_bytes(progress.checked_bytes);
  response->set_total_files(progress.total_files);
  response->set_total_bytes(progress.total_bytes);
  response->set_unchecked_files(progress.unchecked_files);
}

// Exactly what is broken, of exactly that commit. What was in the cache may come back, whatever it is.
pull::PullRequest RequestOf(const verify::Repair& repair) {
  pull::SelectionRequest files;
  files.repo_type = repair.repo.type();
  files.paths = repair.paths;
  files.allow_unsafe = {"pickle", "code", "invalid", "unknown"};
  return {.repo = repair.repo, .revision = Revision::From(repair.commit), .selection = std::move(files)};
}

// Before or after what a clock can show is as good as its ends.
int64_t MillisOf(const google::protobuf::Timestamp& time) {
  constexpr int64_t kMostSeconds = int64_t{1} << 33;
  return std::clamp(time.seconds(), -kMostSeconds, kMostSeconds) * 1'000 + time.nanos() / 1'000'000;
}

absl::Status NotCached(const RepoId& repo) {
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} {} is not in the cache", ToString(repo.type()), repo.id()),
                   fmt::format("batuta hf pull {} {}", ToString(repo.type()), repo.id()));
}

}  // namespace

absl::Status VerifyWatch::Subscribe() {
  RETURN_IF_ERROR(RequireAdmin(services().rights, caller_.principal.uid, "verify the cache"));
  services().disk.Post([self = std::static_pointer_cast<VerifyWatch>(shared_from_this())] {
    auto decoded = Decode(self->services(), self->request_);
    self->services().core.Post(
        [self, decoded = std::move(decoded)]() mutable { self->StartRun(std::move(decoded)); });
  });
  return absl::OkStatus();
}

// Disk pool.
absl::StatusOr<verify::VerifyRequest> VerifyWatch::Decode(const ServiceContext& services,
                                                          const v1::VerifyRequest& request) {
  verify::VerifyRequest decoded;
  decoded.bytes_per_second = request.limit_bytes_per_second();
  if (request.has_since()) decoded.since = FromUnixMillis(MillisOf(request.since()));
  ASSIGN_OR_RETURN(decoded.repos, DecodeRepos(request.repos()));
  for (const RepoId& repo : decoded.repos) {
    RETURN_IF_ERROR(services.inventory.Refresh(repo).status());
    if (services.inventory.Find(repo) == nullptr) return NotCached(repo);
  }
  if (request.revision().empty()) return decoded;
  if (decoded.repos.size() != 1) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     "a revision needs the one repo that it belongs to", "name the repo as well");
  }
  ASSIGN_OR_RETURN(const Revision revision, DecodeRevision(request.revision()));
  ASSIGN_OR_RETURN(decoded.commit, CachedCommit(services.cache, decoded.repos.front(), revision));
  return decoded;
}

void VerifyWatch::StartRun(absl::StatusOr<verify::VerifyRequest> decoded) {
  if (!decoded.ok()) return Fail(decoded.status());
  if (is_over_) return;
  if (decoded->bytes_per_second == 0) decoded->bytes_per_second = services().verify_bytes_per_second();
  const std::weak_ptr<WatchStream> weak = weak_from_this();
  run_ = verify::Verification::Start(services().verify, *std::move(decoded), [weak, &core = services().core] {
    core.Post([weak] {
      const auto self = std::static_pointer_cast<VerifyWatch>(weak.lock());
      if (self == nullptr) return;
      self->has_news_ = true;
      self->Changed();
    });
  });
}

absl::StatusOr<VerifyWatch::Read> VerifyWatch::ReadNext(v1::VerifyResponse* response) {
  if (!failure_.ok()) return failure_;
  if (stage_ == Stage::kOver) return Read::kEnd;
  if (run_ == nullptr || !has_news_ || stage_ == Stage::kStartingRepairs) return Read::kNothingNew;
  const verify::News news = run_->Take(kFindingsPerMessage);
  has_news_ = news.findings.size() == kFindingsPerMessage;  // there may be more
  Encode(news.progress, response);
  for (const verify::Finding& finding : news.findings) Encode(finding, response->add_findings());
  if (!news.has_ended) return Read::kMessage;
  if (!news.status.ok()) return news.status;
  if (stage_ == Stage::kVerifying && request_.repair()) {
    StartRepairs();
  } else {
    stage_ = Stage::kOver;
    for (const std::string& id : job_ids_) response->add_job_ids(id);
  }
  return Read::kMessage;
}

void VerifyWatch::StartRepairs() {
  const std::vector<verify::Repair> repairs = run_->Repairs();
  stage_ = repairs.empty() ? Stage::kOver : Stage::kStartingRepairs;
  repairs_to_start_ = repairs.size();
  jobs::JobQueue& queue = services().jobs;
  queue.OfferToken(caller_.principal.uid, caller_.token);
  for (const verify::Repair& repair : repairs) {
    queue.Start(caller_.principal, caller_.token, "", RequestOf(repair),
                [weak = weak_from_this()](const absl::StatusOr<jobs::JobView>& job) {
                  const auto self = std::static_pointer_cast<VerifyWatch>(weak.lock());
                  if (self != nullptr) self->OnRepairStarted(job);
                });
  }
}

void VerifyWatch::OnRepairStarted(const absl::StatusOr<jobs::JobView>& job) {
  if (!job.ok()) return Fail(job.status());
  job_ids_.push_back(job->record.id);
  if (--repairs_to_start_ > 0) return;
  stage_ = Stage::kLast;
  has_news_ = true;
  Changed();
}

void VerifyWatch::Fail(const absl::Status& status) {
  failure_ = status;
  Changed();
}

}  // namespace batuta::service
