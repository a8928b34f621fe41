#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "batuta/v1/budget_service.pb.h"
#include "batuta/v1/cache_service.pb.h"
#include "batuta/v1/daemon_service.pb.h"
#include "batuta/v1/fit_service.pb.h"
#include "batuta/v1/hub_service.pb.h"
#include "batuta/v1/job_service.pb.h"
#include "batuta/v1/push_service.pb.h"

#include "common/io/unique_fd.h"
#include "common/sync/mutex.h"
#include "common/types/secret.h"

namespace grpc {
class ClientContext;
}

namespace batuta::client {

// Who calls, sent with every call, and how long they wait.
struct CallIdentity {
  std::string tool = "batuta";
  Secret token;                           // the caller's hub token; empty = none is sent
  std::chrono::milliseconds patience{0};  // how long a unary call may take; 0 = no limit of its own
};

// Lets another thread end a call that runs. Thread-safe.
class CallStop {
 public:
  // The call that runs, and every later one with this stop, ends with kCancelled.
  void Stop();
  bool is_stopped() const;

 private:
  friend class DaemonClient;
  void Attach(grpc::ClientContext* context);

  mutable Mutex mutex_;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// A lease on a commit of the cache: it lasts until this is destroyed, or the connection ends. Blocking; not
// thread-safe.
class HeldLease {
 public:
  ~HeldLease();

  // What there is of the commit.
  const v1::LeaseResponse& held() const;

 private:
  friend class DaemonClient;
  struct Call;

  explicit HeldLease(std::unique_ptr<Call> call);

  std::unique_ptr<Call> call_;
};

// One commit on its way into the cache. Destroyed before Finish(), nothing of it appears. Blocking; not
// thread-safe.
class ImportStream {
 public:
  ~ImportStream();

  // Errors: those of Import, as soon as they are known.
  absl::Status Send(const v1::ImportRequest& part);
  absl::StatusOr<v1::ImportResponse> Finish();

 private:
  friend class DaemonClient;
  struct Call;

  explicit ImportStream(std::unique_ptr<Call> call);

  std::unique_ptr<Call> call_;
};

// Bytes that are sent as they lie there.
struct Block {
  std::unique_ptr<char[]> bytes = nullptr;
  size_t size = 0;
};

// A folder that this client serves: the daemon asks, and this client answers. Blocking.
class FolderStream {
 public:
  ~FolderStream();

  // For pushes of this folder, as long as the stream lasts.
  const std::string& folder_id() const;

  // The next question; false: the stream has ended. One thread at a time.
  bool Read(v1::ServeFolderResponse& question);

  // `data`: of the answer; its own field is left empty, for that would be copied. False: the stream has
  // ended. Thread-safe.
  bool Answer(const v1::ServeFolderRequest& answer, Block data);

  // Ends it, and with it Read(). Thread-safe.
  void Stop();

  // Once, when Read() returned false: why.
  absl::Status Finish();

 private:
  friend class DaemonClient;
  struct Call;

  explicit FolderStream(std::unique_ptr<Call> call);

  std::unique_ptr<Call> call_;
};

// DaemonClient calls the daemon over one connection. One that is lost stays lost: make a new client.
//
// Blocking; thread-safe. Errors: those of the RPC, with their reason; besides
//   kUnavailable (DAEMON_UNREACHABLE)   the connection is lost, or the daemon does not answer.
//   kUnimplemented                      the daemon is older than this client.
class DaemonClient {
 public:
  // Takes a connected socket whose peer is trusted.
  DaemonClient(UniqueFd socket, CallIdentity identity);
  ~DaemonClient();

  template <typename Message>
  using OnMessage = std::function<bool(const Message&)>;  // false ends the stream, which then returns OK

  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request);
  absl::StatusOr<v1::GetRepoResponse> GetRepo(const v1::GetRepoRequest& request);
  absl::Status ListFiles(const v1::ListFilesRequest& request,
                         const OnMessage<v1::ListFilesResponse>& on_message);
  absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const v1::WhoAmIRequest& request);
  absl::StatusOr<v1::FitResponse> Fit(const v1::FitRequest& request);
  absl::StatusOr<v1::PreviewCardResponse> PreviewCard(const v1::PreviewCardRequest& request);

  absl::Status PlanPull(const v1::PlanPullRequest& request,
                        const OnMessage<v1::PlanPullResponse>& on_message);
  absl::StatusOr<v1::Job> StartPull(const v1::StartPullRequest& request);
  absl::StatusOr<v1::ListJobsResponse> ListJobs(const v1::ListJobsRequest& request);
  absl::StatusOr<v1::Job> GetJob(const std::string& id);
  absl::StatusOr<v1::Job> CancelJob(const std::string& id);
  absl::StatusOr<v1::Job> PauseJob(const std::string& id);
  absl::StatusOr<v1::Job> ResumeJob(const std::string& id);
  absl::StatusOr<v1::Job> SetJobPriority(const std::string& id, v1::Priority priority);
  absl::StatusOr<v1::Job> SetJobLimit(const std::string& id, uint64_t bytes_per_second);
  absl::Status WatchJob(const v1::WatchJobRequest& request, CallStop& stop,
                        const OnMessage<v1::WatchJobResponse>& on_message);

  absl::Status PlanPush(const v1::PlanPushRequest& request, CallStop& stop,
                        const OnMessage<v1::PlanPushResponse>& on_message);
  absl::StatusOr<v1::Job> StartPush(const v1::StartPushRequest& request);

  // The client outlives the stream.
  absl::StatusOr<std::unique_ptr<FolderStream>> ServeFolder(const v1::ServeFolderRequest::Folder& folder);

  absl::StatusOr<v1::ListReposResponse> ListRepos();
  absl::StatusOr<v1::ResolveResponse> Resolve(const v1::ResolveRequest& request);
  absl::StatusOr<v1::GetUsageResponse> GetUsage();
  absl::StatusOr<v1::ExplainEvictionResponse> ExplainEviction(const v1::ExplainEvictionRequest& request);
  absl::StatusOr<v1::RemoveResponse> Remove(const v1::RemoveRequest& request);
  absl::StatusOr<v1::PruneResponse> Prune(const v1::PruneRequest& request);
  absl::StatusOr<v1::PinResponse> Pin(const v1::PinRequest& request);
  absl::StatusOr<v1::UnpinResponse> Unpin(const v1::UnpinRequest& request);
  absl::StatusOr<v1::RescanResponse> Rescan();
  absl::StatusOr<std::unique_ptr<HeldLease>> Lease(const v1::LeaseRequest& request);

  // The client outlives the stream.
  std::unique_ptr<ImportStream> Import();
  absl::Status Verify(const v1::VerifyRequest& request, CallStop& stop,
                      const OnMessage<v1::VerifyResponse>& on_message);

  absl::StatusOr<v1::GetLimitsResponse> GetLimits();
  absl::Status WatchLimits(CallStop& stop, const OnMessage<v1::WatchLimitsResponse>& on_message);

  // Answers within ten seconds or fails.
  absl::StatusOr<v1::GetStatusResponse> GetStatus(bool details = false);
  absl::StatusOr<v1::GetConfigResponse> GetConfig();

  // Of all jobs together; nullopt: as configured. Returns what is in effect now.
  absl::StatusOr<uint64_t> SetBandwidthLimit(std::optional<uint64_t> bytes_per_second);

  // In the text form of Prometheus.
  absl::StatusOr<std::string> GetMetrics();

  // "" = as configured.
  absl::StatusOr<v1::SetLogLevelResponse> SetLogLevel(const std::string& level);

  // Answers within a minute or fails.
  absl::StatusOr<v1::DiagnoseResponse> Diagnose(bool without_network);
  absl::Status Shutdown();

 private:
  struct Stubs;

  std::unique_ptr<Stubs> stubs_;
};

}  // namespace batuta::client
