#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "batuta/v1/budget_service.pb.h"
#include "batuta/v1/cache_service.pb.h"
#include "batuta/v1/daemon_service.pb.h"
#include "batuta/v1/fit_service.pb.h"
#include "batuta/v1/hub_service.pb.h"
#include "batuta/v1/job_service.pb.h"
#include "batuta/v1/push_service.pb.h"

#include "common/sync/mutex.h"

namespace batuta::client {

// FakeDaemon answers every service over a real Unix socket, from what the test put into it, and keeps what it
// was asked. Thread-safe.
class FakeDaemon {
 public:
  // What it answers. Set before the call that needs it.
  struct Answers {
    v1::GetStatusResponse status;
    v1::GetConfigResponse config;
    v1::SearchResponse search;
    v1::GetRepoResponse repo;
    std::vector<v1::ListFilesResponse> files;
    v1::WhoAmIResponse identity;
    v1::FitResponse fit;
    std::vector<v1::PlanPullResponse> plan;
    v1::ListReposResponse cache;
    v1::ResolveResponse resolve;
    v1::GetUsageResponse usage;
    v1::ExplainEvictionResponse order;
    std::map<std::string, v1::RemoveResponse> removals;  // by repo id; what is not here is refused as IN_USE
    bool first_removal_is_refused = false;               // the first one of all, as IN_USE
    v1::PruneResponse prune;
    v1::PinResponse pin;
    v1::UnpinResponse unpin;
    v1::RescanResponse survey;
    std::vector<v1::VerifyResponse> verification;
    v1::GetLimitsResponse limits;
    std::string metrics;
    v1::DiagnoseResponse diagnosis;
    // By method name ("Search"): the error it returns instead.
    std::map<std::string, absl::Status> errors;
    // The jobs that StartPull makes, one after another: the updates that WatchJob sends, numbered from 1.
    std::vector<std::vector<v1::WatchJobResponse>> pulls;
    // What PlanPush answers, one after another; the last one stays.
    std::vector<std::vector<v1::PlanPushResponse>> push_plans;
    // As `pulls`, for StartPush.
    std::vector<std::vector<v1::WatchJobResponse>> pushes;
    v1::PreviewCardResponse card;
    // After so many updates the first watch breaks off, as if the connection were lost; 0 = never.
    size_t break_first_watch_after = 0;
  };

  // What it was asked.
  struct Calls {
    std::vector<std::string> methods;
    std::vector<v1::StartPullRequest> pulls;
    std::vector<v1::PlanPushRequest> push_plans;
    std::vector<v1::StartPushRequest> pushes;
    std::vector<v1::PreviewCardRequest> cards;
    std::vector<v1::WatchJobRequest> watches;
    std::vector<v1::SearchRequest> searches;
    std::vector<v1::FitRequest> fits;
    std::vector<std::string> cancelled;
    std::vector<std::string> log_levels;
    std::vector<v1::DiagnoseRequest> diagnoses;
    std::vector<v1::SetJobPriorityRequest> priorities;
    std::vector<v1::SetJobLimitRequest> limits;
    std::vector<v1::SetBandwidthLimitRequest> overall_limits;
    std::vector<v1::ExplainEvictionRequest> explanations;
    std::vector<v1::RemoveRequest> removals;
    std::vector<v1::PruneRequest> prunes;
    std::vector<v1::PinRequest> pins;
    std::vector<v1::UnpinRequest> unpins;
    std::vector<v1::VerifyRequest> verifications;
    std::string token;  // of the latest call
    std::string tool;
  };

  // Listens at `socket_path`.
  explicit FakeDaemon(std::string socket_path);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  void Set(const Answers& answers);
  Answers answers() const;
  Calls calls() const;

  // Adds an update to the job; watchers hear it.
  void AddUpdate(const std::string& job_id, v1::WatchJobResponse update);

  // Ends every call and closes the socket, as a daemon that is killed.
  void Stop();

 private:
  struct Services;

  struct State {
    mutable Mutex mutex;
    CondVar changed;
    Answers answers ABSL_GUARDED_BY(mutex);
    Calls calls ABSL_GUARDED_BY(mutex);
    std::map<std::string, std::vector<v1::WatchJobResponse>> jobs ABSL_GUARDED_BY(mutex);
    std::vector<std::string> newest_first ABSL_GUARDED_BY(mutex);
    bool is_stopped ABSL_GUARDED_BY(mutex) = false;
    bool has_broken_off ABSL_GUARDED_BY(mutex) = false;
  };

  State state_;
  std::unique_ptr<Services> services_;
};

// Pieces of answers, for tests.
v1::RepoId Repo(std::string id, v1::RepoType type = v1::REPO_TYPE_MODEL);
v1::PullFile File(std::string path, uint64_t size_bytes, v1::PullFile::Status status,
                  std::string reason = "");
v1::WatchJobResponse Update(v1::Job::State state, std::vector<v1::PullFile> files = {});

}  // namespace batuta::client
