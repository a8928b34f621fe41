#include <algorithm>
#include <optional>
#include <utility>

#include "batuta/v1/job_service.grpc.pb.h"

#include "daemon/pull/foresight.h"
#include "daemon/service/cached_place.h"
#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/fit_codec.h"
#include "daemon/service/push_codec.h"
#include "daemon/service/services.h"
#include "daemon/service/streams.h"

namespace batuta::service {

namespace {

constexpr size_t kFilesPerMessage = 1'000;

// The job as it is, then every change, until it has ended and all of it was sent.
class JobWatch final : public WatchStream<v1::WatchJobResponse> {
 public:
  JobWatch(const ServiceContext& services, Caller caller, const v1::WatchJobRequest& request)
      : WatchStream(services),
        caller_(std::move(caller)),
        job_id_(request.job_id()),
        after_(request.after_sequence()),
        without_files_(request.without_files()) {}

 protected:
  absl::Status Subscribe() override {
    ASSIGN_OR_RETURN(watch_, services().jobs.Watch(caller_.principal, job_id_, [this] { Changed(); }));
    // A job that a daemon before this one began waits for it.
    services().jobs.OfferToken(caller_.principal.uid, caller_.token);
    return absl::OkStatus();
  }

  void Unsubscribe() override { services().jobs.Unwatch(watch_); }

  absl::StatusOr<Read> ReadNext(v1::WatchJobResponse* response) override {
    ASSIGN_OR_RETURN(const jobs::JobChanges changes,
                     services().jobs.ReadChanges(watch_, after_, without_files_ ? 0 : kFilesPerMessage));
    const bool has_ended = jobs::HasEnded(changes.job.record.state);
    if (sent_ == changes.sequence) return has_ended ? Read::kEnd : Read::kNothingNew;
    response->set_sequence(changes.sequence);
    Encode(changes.job, response->mutable_job());
    for (const jobs::JobFile& file : changes.files) Encode(file, response->add_files());
    for (const jobs::PushedFile& file : changes.push_files) Encode(file, response->add_push_files());
    sent_ = after_ = changes.sequence;
    return Read::kMessage;
  }

 private:
  const Caller caller_;
  const std::string job_id_;
  uint64_t after_;
  const bool without_files_;
  std::optional<uint64_t> sent_;  // the first message always goes out
  jobs::JobQueue::WatchId watch_ = 0;
};

class GrpcJobService final : public v1::JobService::CallbackService {
 public:
  GrpcJobService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerWriteReactor<v1::PlanPullResponse>* PlanPull(grpc::CallbackServerContext* context,
                                                           const v1::PlanPullRequest* request) override {
    const auto stream = PlanStream::Begin(context_);
    absl::StatusOr<pull::PullRequest> pull = DecodePull(request->spec());
    if (!pull.ok()) return stream->Fail(pull.status()), stream.get();
    if ((pull->offline || context_.facts.offline) && !MayRead(context_.rights, uid_, pull->repo)) {
      return stream->Fail(NotCached(pull->repo, pull->revision, std::nullopt)), stream.get();
    }
    hub::Access access = AccessOf(CallerOf(uid_, *context));
    context_.core.Post([&services = context_, stream, pull = *std::move(pull), access = std::move(access)] {
      if (!stream->is_open()) return;
      // What is cached of the files is told, and what fits is worked out from it.
      hub::Access asking = access;
      if (pull.offline) asking.memory = hub::Memory::kOnly;
      Admit(services.rights, pull.repo, pull.revision, asking,
            [&services, stream, pull, access](const absl::Status& admitted) {
              if (!admitted.ok()) return stream->Fail(admitted);
              Plan(services, stream, pull, access);
            });
    });
    return stream.get();
  }

  grpc::ServerUnaryReactor* StartPull(grpc::CallbackServerContext* context,
                                      const v1::StartPullRequest* request,
                                      v1::StartPullResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    absl::StatusOr<pull::PullRequest> pull = DecodePull(request->spec());
    if (!pull.ok()) return call.Finish(pull.status()), call.reactor();
    context_.core.Post([&jobs = context_.jobs, call, response, caller = CallerOf(uid_, *context),
                        request_id = request->request_id(), pull = *std::move(pull)]() mutable {
      jobs.OfferToken(caller.principal.uid, caller.token);
      jobs.Start(caller.principal, std::move(caller.token), std::move(request_id), std::move(pull),
                 [call, response](const absl::StatusOr<jobs::JobView>& job) {
                   call.Finish(job, [response](const auto& view) { Encode(view, response->mutable_job()); });
                 });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context, const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    context_.core.Post([&jobs = context_.jobs, call, response, caller = CallerOf(uid_, *context),
                        active_only = request->active_only()] {
      call.Answer([&] {
        for (const jobs::JobView& job : jobs.List(caller.principal, active_only)) {
          Encode(job, response->add_jobs());
        }
      });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context, const v1::GetJobRequest* request,
                                   v1::GetJobResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    context_.core.Post(
        [call, response, caller = CallerOf(uid_, *context), id = request->job_id(), &jobs = context_.jobs] {
          call.Finish(jobs.Get(caller.principal, id),
                      [response](const jobs::JobView& job) { Encode(job, response->mutable_job()); });
        });
    return call.reactor();
  }

  grpc::ServerWriteReactor<v1::WatchJobResponse>* WatchJob(grpc::CallbackServerContext* context,
                                                           const v1::WatchJobRequest* request) override {
    return JobWatch::Begin<JobWatch>(context_, CallerOf(uid_, *context), *request);
  }

  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const v1::CancelJobRequest* request,
                                      v1::CancelJobResponse* response) override {
    return OnJob(context, response, [&jobs = context_.jobs, id = request->job_id()](const Caller& caller) {
      return jobs.Cancel(caller.principal, id);
    });
  }

  grpc::ServerUnaryReactor* PauseJob(grpc::CallbackServerContext* context, const v1::PauseJobRequest* request,
                                     v1::PauseJobResponse* response) override {
    return OnJob(context, response, [&jobs = context_.jobs, id = request->job_id()](const Caller& caller) {
      return jobs.Pause(caller.principal, id);
    });
  }

  grpc::ServerUnaryReactor* ResumeJob(grpc::CallbackServerContext* context,
                                      const v1::ResumeJobRequest* request,
                                      v1::ResumeJobResponse* response) override {
    return OnJob(context, response, [&jobs = context_.jobs, id = request->job_id()](const Caller& caller) {
      return jobs.Resume(caller.principal, id, caller.token);
    });
  }

  grpc::ServerUnaryReactor* SetJobPriority(grpc::CallbackServerContext* context,
                                           const v1::SetJobPriorityRequest* request,
                                           v1::SetJobPriorityResponse* response) override {
    return OnJob(
        context, response,
        [&jobs = context_.jobs, id = request->job_id(), priority = DecodePriority(request->priority())](
            const Caller& caller) -> absl::StatusOr<jobs::JobView> {
          RETURN_IF_ERROR(priority.status());
          return jobs.SetPriority(caller.principal, id, *priority);
        });
  }

  grpc::ServerUnaryReactor* SetJobLimit(grpc::CallbackServerContext* context,
                                        const v1::SetJobLimitRequest* request,
                                        v1::SetJobLimitResponse* response) override {
    return OnJob(context, response,
                 [&jobs = context_.jobs, id = request->job_id(), limit = request->limit_bytes_per_second()](
                     const Caller& caller) { return jobs.SetLimit(caller.principal, id, limit); });
  }

 private:
  using PlanStream = ListStream<v1::PlanPullResponse>;

  // Core sequence.
  static void Plan(const ServiceContext& services, const std::shared_ptr<PlanStream>& stream,
                   const pull::PullRequest& pull, const hub::Access& access) {
    services.planner.Plan(
        pull, access, [&services, stream, pull, who = access.principal](absl::StatusOr<pull::PullPlan> plan) {
          if (!plan.ok()) return stream->Fail(plan.status());
          services.disk.Post([&services, stream, pull, who, plan = *std::move(plan)]() mutable {
            const absl::Status warned = pull::WarnOfCached(services.guard, pull, who, plan);
            if (!warned.ok()) return stream->Fail(warned);
            stream->Send(InPieces(std::move(plan)));
          });
        });
  }

  // The calls that change one job and answer with it, when the change would outlive a crash.
  template <typename Response, typename Act>
  grpc::ServerUnaryReactor* OnJob(grpc::CallbackServerContext* context, Response* response, Act act) {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    context_.core.Post(
        [call, response, caller = CallerOf(uid_, *context), act = std::move(act), &jobs = context_.jobs] {
          absl::StatusOr<jobs::JobView> changed = act(caller);
          if (!changed.ok()) return call.Finish(changed.status());
          jobs.WhenJournalled([call, response, job = *std::move(changed)] {
            call.Answer([&] { Encode(job, response->mutable_job()); });
          });
        });
    return call.reactor();
  }

  static PlanStream::Next InPieces(pull::PullPlan plan) {
    return
        [plan = std::move(plan), next = size_t{0}, is_first = true](v1::PlanPullResponse* response) mutable {
          if (is_first && plan.as_of) Encode(*plan.as_of, response->mutable_as_of());
          if (is_first && plan.review != nullptr && plan.review->says_something()) {
            Encode(*plan.review, response->mutable_review());
          }
          if (is_first && plan.fit != nullptr) Encode(*plan.fit, response->mutable_fit());
          if (!std::exchange(is_first, false) && next == plan.files.size()) return false;
          response->set_commit(plan.commit.hex());
          response->set_snapshot_path(plan.snapshot_path.string());
          const size_t end = std::min(next + kFilesPerMessage, plan.files.size());
          for (; next < end; ++next) Encode(plan.files[next], response->add_files());
          return true;
        };
  }

  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJobService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcJobService>(context, uid);
}

}  // namespace batuta::service
