#include "tests/unit/client/support/fake_daemon.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include "batuta/v1/budget_service.grpc.pb.h"
#include "batuta/v1/cache_service.grpc.pb.h"
#include "batuta/v1/daemon_service.grpc.pb.h"
#include "batuta/v1/fit_service.grpc.pb.h"
#include "batuta/v1/hub_service.grpc.pb.h"
#include "batuta/v1/job_service.grpc.pb.h"
#include "batuta/v1/push_service.grpc.pb.h"

#include "common/rpc/metadata_keys.h"
#include "common/rpc/status_codec.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {
bool IsOver(const v1::WatchJobResponse& update) {
  return update.job().state() >= v1::Job::STATE_DONE;
}

std::string MetadataOf(const grpc::ServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  return found == context.client_metadata().end() ? std::string()
                                                  : std::string(found->second.data(), found->second.size());
}

}  // namespace

struct FakeDaemon::Services {
  explicit Services(State& shared)
      : state(shared),
        hub(*this),
        jobs(*this),
        pushes(*this),
        cache(*this),
        budget(*this),
        fit(*this),
        daemon(*this) {}

  // Notes the call; the error it shall return, or OK.
  grpc::Status Note(const grpc::ServerContext* context, const std::string& method) {
    const MutexLock lock(state.mutex);
    state.calls.methods.push_back(method);
    state.calls.token = MetadataOf(*context, kHubTokenKey);
    state.calls.tool = MetadataOf(*context, kToolKey);
    const auto error = state.answers.errors.find(method);
    return error == state.answers.errors.end() ? grpc::Status() : ToGrpcStatus(error->second);
  }

  Answers answers() const {
    const MutexLock lock(state.mutex);
    return state.answers;
  }

  // Notes what was asked; how often it has been.
  template <typename Request>
  size_t Keep(std::vector<Request> Calls::*list, const Request& request) {
    const MutexLock lock(state.mutex);
    (state.calls.*list).push_back(request);
    return (state.calls.*list).size();
  }

  struct Hub final : v1::HubService::Service {
    explicit Hub(Services& services) : all(services) {}

    grpc::Status Search(grpc::ServerContext* context, const v1::SearchRequest* request,
                        v1::SearchResponse* response) override {
      *response = all.answers().search;
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.searches.push_back(*request);
      }
      return all.Note(context, "Search");
    }

    grpc::Status GetRepo(grpc::ServerContext* context, const v1::GetRepoRequest*,
                         v1::GetRepoResponse* response) override {
      *response = all.answers().repo;
      return all.Note(context, "GetRepo");
    }

    grpc::Status ListFiles(grpc::ServerContext* context, const v1::ListFilesRequest*,
                           grpc::ServerWriter<v1::ListFilesResponse>* writer) override {
      for (const auto& part : all.answers().files) writer->Write(part);
      return all.Note(context, "ListFiles");
    }

    grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest*,
                        v1::WhoAmIResponse* response) override {
      *response = all.answers().identity;
      return all.Note(context, "WhoAmI");
    }

    Services& all;
  };

  struct Jobs final : v1::JobService::Service {
    explicit Jobs(Services& services) : all(services) {}

    grpc::Status PlanPull(grpc::ServerContext* context, const v1::PlanPullRequest*,
                          grpc::ServerWriter<v1::PlanPullResponse>* writer) override {
      for (const auto& part : all.answers().plan) writer->Write(part);
      return all.Note(context, "PlanPull");
    }

    grpc::Status StartPull(grpc::ServerContext* context, const v1::StartPullRequest* request,
                           v1::StartPullResponse* response) override {
      const grpc::Status status = all.Note(context, "StartPull");
      if (!status.ok()) return status;
      const MutexLock lock(all.state.mutex);
      const size_t number = all.state.calls.pulls.size();
      all.state.calls.pulls.push_back(*request);
      *response->mutable_job() = all.MakeJob(all.state.answers.pulls, number, request->spec());
      return status;
    }

    grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                          v1::ListJobsResponse* response) override {
      const MutexLock lock(all.state.mutex);
      for (const std::string& id : all.state.newest_first) {
        const auto& updates = all.state.jobs.at(id);
        if (updates.empty() || (request->active_only() && IsOver(updates.back()))) continue;
        *response->add_jobs() = updates.back().job();
      }
      all.state.calls.methods.push_back("ListJobs");
      static_cast<void>(context);
      return grpc::Status();
    }

    grpc::Status WithJob(const std::string& id, v1::Job* job) {
      const MutexLock lock(all.state.mutex);
      const auto found = all.state.jobs.find(id);
      if (found == all.state.jobs.end() || found->second.empty()) {
        return ToGrpcStatus(
            MakeError(absl::StatusCode::kNotFound, reason::kJobNotFound, "no such job: " + id));
      }
      *job = found->second.back().job();
      return grpc::Status();
    }

    grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                        v1::GetJobResponse* response) override {
      const grpc::Status status = all.Note(context, "GetJob");
      return status.ok() ? WithJob(request->job_id(), response->mutable_job()) : status;
    }

    grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                           v1::CancelJobResponse* response) override {
      const grpc::Status status = all.Note(context, "CancelJob");
      if (!status.ok()) return status;
      v1::Job before;
      if (const grpc::Status missing = WithJob(request->job_id(), &before); !missing.ok()) return missing;
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.cancelled.push_back(request->job_id());
      }
      all.Add(request->job_id(), Update(v1::Job::STATE_CANCELLED));
      return WithJob(request->job_id(), response->mutable_job());
    }

    grpc::Status PauseJob(grpc::ServerContext* context, const v1::PauseJobRequest* request,
                          v1::PauseJobResponse* response) override {
      const grpc::Status status = all.Note(context, "PauseJob");
      return status.ok() ? WithJob(request->job_id(), response->mutable_job()) : status;
    }

    grpc::Status ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                           v1::ResumeJobResponse* response) override {
      const grpc::Status status = all.Note(context, "ResumeJob");
      return status.ok() ? WithJob(request->job_id(), response->mutable_job()) : status;
    }

    grpc::Status SetJobPriority(grpc::ServerContext* context, const v1::SetJobPriorityRequest* request,
                                v1::SetJobPriorityResponse* response) override {
      const grpc::Status status = all.Note(context, "SetJobPriority");
      if (!status.ok()) return status;
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.priorities.push_back(*request);
      }
      const grpc::Status found = WithJob(request->job_id(), response->mutable_job());
      response->mutable_job()->set_priority(request->priority());
      return found;
    }

    grpc::Status SetJobLimit(grpc::ServerContext* context, const v1::SetJobLimitRequest* request,
                             v1::SetJobLimitResponse* response) override {
      const grpc::Status status = all.Note(context, "SetJobLimit");
      if (!status.ok()) return status;
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.limits.push_back(*request);
      }
      const grpc::Status found = WithJob(request->job_id(), response->mutable_job());
      response->mutable_job()->set_limit_bytes_per_second(request->limit_bytes_per_second());
      return found;
    }

    grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                          grpc::ServerWriter<v1::WatchJobResponse>* writer) override {
      const grpc::Status status = all.Note(context, "WatchJob");
      if (!status.ok()) return status;
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.watches.push_back(*request);
      }
      size_t next = request->after_sequence();
      for (size_t sent = 0; !context->IsCancelled(); ++sent) {
        if (all.MustBreakOff(sent)) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed");
        v1::WatchJobResponse update;
        const Wait wait = all.WaitForUpdate(request->job_id(), next, &update);
        if (wait == Wait::kNoJob) {
          return ToGrpcStatus(MakeError(absl::StatusCode::kNotFound, reason::kJobNotFound, "no such job"));
        }
        if (wait == Wait::kStopped) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed");
        if (wait == Wait::kNothing) {
          --sent;
          continue;
        }
        ++next;
        writer->Write(update);
        if (IsOver(update)) return grpc::Status();
      }
      return grpc::Status(grpc::StatusCode::CANCELLED, "cancelled");
    }

    Services& all;
  };

  struct Pushes final : v1::PushService::Service {
    explicit Pushes(Services& services) : all(services) {}

    grpc::Status PlanPush(grpc::ServerContext* context, const v1::PlanPushRequest* request,
                          grpc::ServerWriter<v1::PlanPushResponse>* writer) override {
      const size_t number = all.Keep(&Calls::push_plans, *request);
      const grpc::Status status = all.Note(context, "PlanPush");
      const Answers answers = all.answers();
      if (!status.ok() || answers.push_plans.empty()) return status;
      for (const auto& part : answers.push_plans[std::min(number, answers.push_plans.size()) - 1]) {
        writer->Write(part);
      }
      return status;
    }

    grpc::Status StartPush(grpc::ServerContext* context, const v1::StartPushRequest* request,
                           v1::StartPushResponse* response) override {
      const grpc::Status status = all.Note(context, "StartPush");
      if (!status.ok()) return status;
      const MutexLock lock(all.state.mutex);
      const size_t number = all.state.calls.pushes.size();
      all.state.calls.pushes.push_back(*request);
      *response->mutable_job() = all.MakeJob(all.state.answers.pushes, number, request->spec());
      response->mutable_job()->set_kind(v1::Job::KIND_PUSH);
      return status;
    }

    grpc::Status PreviewCard(grpc::ServerContext* context, const v1::PreviewCardRequest* request,
                             v1::PreviewCardResponse* response) override {
      all.Keep(&Calls::cards, *request);
      *response = all.answers().card;
      return all.Note(context, "PreviewCard");
    }

    Services& all;
  };

  struct Cache final : v1::CacheService::Service {
    explicit Cache(Services& services) : all(services) {}

    grpc::Status ListRepos(grpc::ServerContext* context, const v1::ListReposRequest*,
                           v1::ListReposResponse* response) override {
      *response = all.answers().cache;
      return all.Note(context, "ListRepos");
    }

    grpc::Status Resolve(grpc::ServerContext* context, const v1::ResolveRequest*,
                         v1::ResolveResponse* response) override {
      *response = all.answers().resolve;
      return all.Note(context, "Resolve");
    }

    grpc::Status GetUsage(grpc::ServerContext* context, const v1::GetUsageRequest*,
                          v1::GetUsageResponse* response) override {
      *response = all.answers().usage;
      return all.Note(context, "GetUsage");
    }

    grpc::Status ExplainEviction(grpc::ServerContext* context, const v1::ExplainEvictionRequest* request,
                                 v1::ExplainEvictionResponse* response) override {
      *response = all.answers().order;
      all.Keep(&Calls::explanations, *request);
      return all.Note(context, "ExplainEviction");
    }

    grpc::Status Remove(grpc::ServerContext* context, const v1::RemoveRequest* request,
                        v1::RemoveResponse* response) override {
      const Answers answers = all.answers();
      const auto found = answers.removals.find(request->repo().id());
      const bool is_first = all.Keep(&Calls::removals, *request) == 1;
      if (const grpc::Status status = all.Note(context, "Remove"); !status.ok()) return status;
      if (found == answers.removals.end() || (is_first && answers.first_removal_is_refused)) {
        return ToGrpcStatus(MakeError(absl::StatusCode::kFailedPrecondition, reason::kInUse,
                                      request->repo().id() + " is in use"));
      }
      *response = found->second;
      return grpc::Status();
    }

    grpc::Status Prune(grpc::ServerContext* context, const v1::PruneRequest* request,
                       v1::PruneResponse* response) override {
      *response = all.answers().prune;
      all.Keep(&Calls::prunes, *request);
      return all.Note(context, "Prune");
    }

    grpc::Status Pin(grpc::ServerContext* context, const v1::PinRequest* request,
                     v1::PinResponse* response) override {
      *response = all.answers().pin;
      all.Keep(&Calls::pins, *request);
      return all.Note(context, "Pin");
    }

    grpc::Status Unpin(grpc::ServerContext* context, const v1::UnpinRequest* request,
                       v1::UnpinResponse* response) override {
      *response = all.answers().unpin;
      all.Keep(&Calls::unpins, *request);
      return all.Note(context, "Unpin");
    }

    grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                        grpc::ServerWriter<v1::VerifyResponse>* writer) override {
      all.Keep(&Calls::verifications, *request);
      for (const auto& part : all.answers().verification) writer->Write(part);
      return all.Note(context, "Verify");
    }

    grpc::Status Rescan(grpc::ServerContext* context, const v1::RescanRequest*,
                        v1::RescanResponse* response) override {
      *response = all.answers().survey;
      return all.Note(context, "Rescan");
    }

    Services& all;
  };

  struct Fitting final : v1::FitService::Service {
    explicit Fitting(Services& services) : all(services) {}

    grpc::Status Fit(grpc::ServerContext* context, const v1::FitRequest* request,
                     v1::FitResponse* response) override {
      all.Keep(&Calls::fits, *request);
      *response = all.answers().fit;
      return all.Note(context, "Fit");
    }

    Services& all;
  };

  struct Budget final : v1::BudgetService::Service {
    explicit Budget(Services& services) : all(services) {}

    grpc::Status GetLimits(grpc::ServerContext* context, const v1::GetLimitsRequest*,
                           v1::GetLimitsResponse* response) override {
      *response = all.answers().limits;
      return all.Note(context, "GetLimits");
    }

    grpc::Status WatchLimits(grpc::ServerContext* context, const v1::WatchLimitsRequest*,
                             grpc::ServerWriter<v1::WatchLimitsResponse>* writer) override {
      v1::WatchLimitsResponse response;
      *response.mutable_windows() = all.answers().limits.windows();
      writer->Write(response);
      writer->Write(response);
      return all.Note(context, "WatchLimits");
    }

    Services& all;
  };

  struct Daemon final : v1::DaemonService::Service {
    explicit Daemon(Services& services) : all(services) {}

    grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                           v1::GetStatusResponse* response) override {
      *response = all.answers().status;
      return all.Note(context, "GetStatus");
    }

    grpc::Status GetConfig(grpc::ServerContext* context, const v1::GetConfigRequest*,
                           v1::GetConfigResponse* response) override {
      *response = all.answers().config;
      return all.Note(context, "GetConfig");
    }

    grpc::Status SetBandwidthLimit(grpc::ServerContext* context, const v1::SetBandwidthLimitRequest* request,
                                   v1::SetBandwidthLimitResponse* response) override {
      response->set_limit_bytes_per_second(request->limit_bytes_per_second());
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.overall_limits.push_back(*request);
      }
      return all.Note(context, "SetBandwidthLimit");
    }

    grpc::Status GetMetrics(grpc::ServerContext* context, const v1::GetMetricsRequest*,
                            v1::GetMetricsResponse* response) override {
      response->set_text(all.answers().metrics);
      return all.Note(context, "GetMetrics");
    }

    grpc::Status Diagnose(grpc::ServerContext* context, const v1::DiagnoseRequest* request,
                          v1::DiagnoseResponse* response) override {
      *response = all.answers().diagnosis;
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.diagnoses.push_back(*request);
      }
      return all.Note(context, "Diagnose");
    }

    grpc::Status SetLogLevel(grpc::ServerContext* context, const v1::SetLogLevelRequest* request,
                             v1::SetLogLevelResponse* response) override {
      response->set_level(request->level().empty() ? "info" : request->level());
      response->set_configured_level("info");
      {
        const MutexLock lock(all.state.mutex);
        all.state.calls.log_levels.push_back(request->level());
      }
      return all.Note(context, "SetLogLevel");
    }

    grpc::Status Shutdown(grpc::ServerContext* context, const v1::ShutdownRequest*,
                          v1::ShutdownResponse*) override {
      const grpc::Status status = all.Note(context, "Shutdown");
      const MutexLock lock(all.state.mutex);
      all.state.answers.status.set_pid(0);  // from now on another one answers
      return status;
    }

    Services& all;
  };

  // The job number `number` of those that `prepared` tells of, and its updates.
  template <typename Spec>
  v1::Job MakeJob(const std::vector<std::vector<v1::WatchJobResponse>>& prepared, size_t number,
                  const Spec& spec) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mutex) {
    const std::string id = "job" + std::to_string(number);
    std::vector<v1::WatchJobResponse>& updates = state.jobs[id];
    if (number < prepared.size()) updates = prepared[number];
    for (size_t i = 0; i < updates.size(); ++i) {
      updates[i].set_sequence(i + 1);
      v1::Job& job = *updates[i].mutable_job();
      job.set_id(id);
      *job.mutable_repo() = spec.repo();
      job.set_revision(spec.revision());
    }
    state.newest_first.insert(state.newest_first.begin(), id);
    v1::Job job;
    job.set_id(id);
    *job.mutable_repo() = spec.repo();
    job.set_state(v1::Job::STATE_QUEUED);
    return job;
  }

  enum class Wait { kUpdate, kNothing, kNoJob, kStopped };

  // Waits a moment at most, so that a caller who left is noticed.
  Wait WaitForUpdate(const std::string& id, size_t next, v1::WatchJobResponse* update) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    const MutexLock lock(state.mutex);
    while (true) {
      if (state.is_stopped) return Wait::kStopped;
      const auto found = state.jobs.find(id);
      if (found == state.jobs.end()) return Wait::kNoJob;
      if (next < found->second.size()) {
        *update = found->second[next];
        return Wait::kUpdate;
      }
      if (!state.changed.WaitUntil(state.mutex, deadline)) return Wait::kNothing;
    }
  }

  bool MustBreakOff(size_t sent) {
    const MutexLock lock(state.mutex);
    const size_t limit = state.answers.break_first_watch_after;
    if (limit == 0 || sent < limit || state.has_broken_off) return false;
    state.has_broken_off = true;
    return true;
  }

  void Add(const std::string& id, v1::WatchJobResponse update) {
    const MutexLock lock(state.mutex);
    std::vector<v1::WatchJobResponse>& updates = state.jobs[id];
    if (!updates.empty()) {
      *update.mutable_job()->mutable_repo() = updates.back().job().repo();
      update.mutable_job()->set_revision(updates.back().job().revision());
    }
    update.mutable_job()->set_id(id);
    update.set_sequence(updates.size() + 1);
    updates.push_back(std::move(update));
    state.changed.NotifyAll();
  }

  State& state;
  Hub hub;
  Jobs jobs;
  Pushes pushes;
  Cache cache;
  Budget budget;
  Fitting fit;
  Daemon daemon;
  std::unique_ptr<grpc::Server> server;
};

FakeDaemon::FakeDaemon(std::string socket_path) : services_(std::make_unique<Services>(state_)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket_path, grpc::InsecureServerCredentials());
  builder.RegisterService(&services_->hub);
  builder.RegisterService(&services_->jobs);
  builder.RegisterService(&services_->pushes);
  builder.RegisterService(&services_->cache);
  builder.RegisterService(&services_->budget);
  builder.RegisterService(&services_->fit);
  builder.RegisterService(&services_->daemon);
  services_->server = builder.BuildAndStart();
  Answers answers;
  answers.status.set_version("0.1.0");
  answers.status.set_pid(4711);
  answers.status.set_endpoint("https://huggingface.co");
  answers.status.set_cache_path("/cache/hub");
  answers.status.set_socket_path(std::move(socket_path));
  answers.status.set_mode("user");
  answers.status.set_uid(::geteuid());  // the caller's own daemon
  Set(answers);
}

FakeDaemon::~FakeDaemon() {
  Stop();
}

void FakeDaemon::Stop() {
  {
    const MutexLock lock(state_.mutex);
    state_.is_stopped = true;
  }
  state_.changed.NotifyAll();
  if (services_->server) services_->server->Shutdown(std::chrono::system_clock::now());
  services_->server.reset();
}

void FakeDaemon::Set(const Answers& answers) {
  const MutexLock lock(state_.mutex);
  state_.answers = answers;
}

FakeDaemon::Answers FakeDaemon::answers() const {
  return services_->answers();
}

FakeDaemon::Calls FakeDaemon::calls() const {
  const MutexLock lock(state_.mutex);
  return state_.calls;
}

void FakeDaemon::AddUpdate(const std::string& job_id, v1::WatchJobResponse update) {
  services_->Add(job_id, std::move(update));
}

v1::RepoId Repo(std::string id, v1::RepoType type) {
  v1::RepoId repo;
  repo.set_type(type);
  repo.set_id(std::move(id));
  return repo;
}

v1::PullFile File(std::string path, uint64_t size_bytes, v1::PullFile::Status status, std::string reason) {
  v1::PullFile file;
  file.set_path(std::move(path));
  file.set_size_bytes(size_bytes);
  file.set_blob(std::string(40, 'b'));
  file.set_status(status);
  file.set_reason(std::move(reason));
  return file;
}

v1::WatchJobResponse Update(v1::Job::State state, std::vector<v1::PullFile> files) {
  v1::WatchJobResponse update;
  update.mutable_job()->set_state(state);
  for (v1::PullFile& file : files) *update.add_files() = std::move(file);
  return update;
}

}  // namespace batuta::client
