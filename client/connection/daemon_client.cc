#include "client/connection/daemon_client.h"

#include <chrono>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/slice.h>
#include <grpcpp/support/sync_stream.h>

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

constexpr int kMaxMessageBytes = 64 << 20;  // a listing of a cache with tens of thousands of repos
constexpr std::chrono::seconds kStatusDeadline{10};
constexpr std::chrono::seconds kDiagnosisDeadline{60};
constexpr std::chrono::seconds kJobDeadline{30};  // the daemon only takes note; no hub is asked

std::shared_ptr<grpc::Channel> MakeChannel(UniqueFd socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 32 * 1024);
  // The peer was checked on this very descriptor; gRPC never dials by itself.
  return grpc::CreateCustomInsecureChannelFromFd("batutad", socket.Release(), arguments);
}

// What gRPC itself reports, as opposed to the daemon, gets words and a reason of ours.
absl::Status ToStatus(const grpc::Status& status) {
  absl::Status ours = FromGrpcStatus(status);
  if (ours.ok() || !ReasonOf(ours).empty()) return ours;
  switch (ours.code()) {
    case absl::StatusCode::kUnavailable:
      return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
                       "the connection to the daemon was lost",
                       "try again; `batuta daemon status` tells how it is");
    case absl::StatusCode::kDeadlineExceeded:
      return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
                       "the daemon does not answer", "look at its log, or stop it: batuta daemon stop");
    case absl::StatusCode::kUnimplemented:
      return MakeError(absl::StatusCode::kUnimplemented, {}, "the running daemon is older than this client",
                       "restart it: batuta daemon stop");
    default:
      return ours;
  }
}

}  // namespace

struct DaemonClient::Stubs {
  Stubs(const std::shared_ptr<grpc::Channel>& connected, CallIdentity who)
      : channel(connected),
        serve_folder("/batuta.v1.PushService/ServeFolder", nullptr, grpc::internal::RpcMethod::BIDI_STREAMING,
                     connected),
        identity(std::move(who)),
        hub(connected),
        jobs(connected),
        pushes(connected),
        cache(connected),
        budget(connected),
        fit(connected),
        daemon(connected) {}

  void Prepare(grpc::ClientContext& context) const {
    context.AddMetadata(kToolKey, identity.tool);
    if (!identity.token.empty()) context.AddMetadata(kHubTokenKey, identity.token.Reveal());
  }

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, std::chrono::milliseconds deadline = {}) const {
    grpc::ClientContext context;
    Prepare(context);
    if (identity.patience.count() > 0) deadline = identity.patience;
    if (deadline.count() > 0) context.set_deadline(std::chrono::system_clock::now() + deadline);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return ToStatus(status);
    return response;
  }

  // Reads until the stream ends or `on_message` has enough.
  template <typename Response>
  absl::Status Drain(grpc::ClientContext& context, std::unique_ptr<grpc::ClientReader<Response>> reader,
                     const OnMessage<Response>& on_message) const {
    Response response;
    bool has_enough = false;
    while (!has_enough && reader->Read(&response)) has_enough = !on_message(response);
    if (has_enough) context.TryCancel();
    const grpc::Status status = reader->Finish();
    return has_enough ? absl::OkStatus() : ToStatus(status);
  }

  const std::shared_ptr<grpc::Channel> channel;
  const grpc::internal::RpcMethod serve_folder;
  CallIdentity identity;
  v1::HubService::Stub hub;
  v1::JobService::Stub jobs;
  v1::PushService::Stub pushes;
  v1::CacheService::Stub cache;
  v1::BudgetService::Stub budget;
  v1::FitService::Stub fit;
  v1::DaemonService::Stub daemon;
};

void CallStop::Stop() {
  const MutexLock lock(mutex_);
  is_stopped_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

bool CallStop::is_stopped() const {
  const MutexLock lock(mutex_);
  return is_stopped_;
}

void CallStop::Attach(grpc::ClientContext* context) {
  const MutexLock lock(mutex_);
  context_ = context;
  if (is_stopped_ && context_ != nullptr) context_->TryCancel();
}

DaemonClient::DaemonClient(UniqueFd socket, CallIdentity identity)
    : stubs_(std::make_unique<Stubs>(MakeChannel(std::move(socket)), std::move(identity))) {}

DaemonClient::~DaemonClient() = default;

absl::StatusOr<v1::SearchResponse> DaemonClient::Search(const v1::SearchRequest& request) {
  return stubs_->Call(stubs_->hub, &v1::HubService::Stub::Search, request);
}

absl::StatusOr<v1::GetRepoResponse> DaemonClient::GetRepo(const v1::GetRepoRequest& request) {
  return stubs_->Call(stubs_->hub, &v1::HubService::Stub::GetRepo, request);
}

absl::Status DaemonClient::ListFiles(const v1::ListFilesRequest& request,
                                     const OnMessage<v1::ListFilesResponse>& on_message) {
  grpc::ClientContext context;
  stubs_->Prepare(context);
  return stubs_->Drain(context, stubs_->hub.ListFiles(&context, request), on_message);
}

absl::StatusOr<v1::WhoAmIResponse> DaemonClient::WhoAmI(const v1::WhoAmIRequest& request) {
  return stubs_->Call(stubs_->hub, &v1::HubService::Stub::WhoAmI, request);
}

absl::StatusOr<v1::FitResponse> DaemonClient::Fit(const v1::FitRequest& request) {
  return stubs_->Call(stubs_->fit, &v1::FitService::Stub::Fit, request);
}

absl::StatusOr<v1::PreviewCardResponse> DaemonClient::PreviewCard(const v1::PreviewCardRequest& request) {
  return stubs_->Call(stubs_->pushes, &v1::PushService::Stub::PreviewCard, request);
}

absl::Status DaemonClient::PlanPull(const v1::PlanPullRequest& request,
                                    const OnMessage<v1::PlanPullResponse>& on_message) {
  grpc::ClientContext context;
  stubs_->Prepare(context);
  return stubs_->Drain(context, stubs_->jobs.PlanPull(&context, request), on_message);
}

absl::StatusOr<v1::Job> DaemonClient::StartPull(const v1::StartPullRequest& request) {
  ASSIGN_OR_RETURN(v1::StartPullResponse response,
                   stubs_->Call(stubs_->jobs, &v1::JobService::Stub::StartPull, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::ListJobsResponse> DaemonClient::ListJobs(const v1::ListJobsRequest& request) {
  return stubs_->Call(stubs_->jobs, &v1::JobService::Stub::ListJobs, request, kJobDeadline);
}

absl::StatusOr<v1::Job> DaemonClient::GetJob(const std::string& id) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  ASSIGN_OR_RETURN(v1::GetJobResponse response,
                   stubs_->Call(stubs_->jobs, &v1::JobService::Stub::GetJob, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::Job> DaemonClient::CancelJob(const std::string& id) {
  v1::CancelJobRequest request;
  request.set_job_id(id);
  ASSIGN_OR_RETURN(v1::CancelJobResponse response,
                   stubs_->Call(stubs_->jobs, &v1::JobService::Stub::CancelJob, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::Job> DaemonClient::PauseJob(const std::string& id) {
  v1::PauseJobRequest request;
  request.set_job_id(id);
  ASSIGN_OR_RETURN(v1::PauseJobResponse response,
                   stubs_->Call(stubs_->jobs, &v1::JobService::Stub::PauseJob, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::Job> DaemonClient::ResumeJob(const std::string& id) {
  v1::ResumeJobRequest request;
  request.set_job_id(id);
  ASSIGN_OR_RETURN(v1::ResumeJobResponse response,
                   stubs_->Call(stubs_->jobs, &v1::JobService::Stub::ResumeJob, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::Job> DaemonClient::SetJobPriority(const std::string& id, v1::Priority priority) {
  v1::SetJobPriorityRequest request;
  request.set_job_id(id);
  request.set_priority(priority);
  ASSIGN_OR_RETURN(v1::SetJobPriorityResponse response,
                   stubs_->Call(stubs_->jobs, &v1::JobService::Stub::SetJobPriority, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::Job> DaemonClient::SetJobLimit(const std::string& id, uint64_t bytes_per_second) {
  v1::SetJobLimitRequest request;
  request.set_job_id(id);
  request.set_limit_bytes_per_second(bytes_per_second);
  ASSIGN_OR_RETURN(v1::SetJobLimitResponse response,
                   stubs_->Call(stubs_->jobs, &v1::JobService::Stub::SetJobLimit, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

absl::Status DaemonClient::WatchJob(const v1::WatchJobRequest& request, CallStop& stop,
                                    const OnMessage<v1::WatchJobResponse>& on_message) {
  grpc::ClientContext context;
  stubs_->Prepare(context);
  stop.Attach(&context);
  absl::Status status = stubs_->Drain(context, stubs_->jobs.WatchJob(&context, request), on_message);
  stop.Attach(nullptr);
  return status;
}

absl::Status DaemonClient::PlanPush(const v1::PlanPushRequest& request, CallStop& stop,
                                    const OnMessage<v1::PlanPushResponse>& on_message) {
  grpc::ClientContext context;
  stubs_->Prepare(context);
  stop.Attach(&context);
  absl::Status status = stubs_->Drain(context, stubs_->pushes.PlanPush(&context, request), on_message);
  stop.Attach(nullptr);
  return status;
}

absl::StatusOr<v1::Job> DaemonClient::StartPush(const v1::StartPushRequest& request) {
  ASSIGN_OR_RETURN(v1::StartPushResponse response,
                   stubs_->Call(stubs_->pushes, &v1::PushService::Stub::StartPush, request, kJobDeadline));
  return std::move(*response.mutable_job());
}

namespace {

// What is sent is put together here, so that a block of a file goes to the socket from where it was read to.
using RawFolderStream = grpc::ClientReaderWriter<grpc::ByteBuffer, v1::ServeFolderResponse>;

grpc::ByteBuffer Encode(const v1::ServeFolderRequest& request, Block data) {
  std::string head = request.SerializeAsString();
  if (data.size == 0) {
    const grpc::Slice slice(head);
    return grpc::ByteBuffer(&slice, 1);
  }
  {
    google::protobuf::io::StringOutputStream end(&head);  // appends
    google::protobuf::io::CodedOutputStream out(&end);
    constexpr uint32_t kBytesFollow = 2;
    out.WriteTag(v1::ServeFolderRequest::kDataFieldNumber << 3 | kBytesFollow);
    out.WriteVarint32(static_cast<uint32_t>(data.size));
  }
  const grpc::Slice slices[] = {
      grpc::Slice(head), grpc::Slice(data.bytes.release(), data.size, [](void* bytes) {
        delete[] static_cast<char*>(bytes);  // NOLINT(cppcoreguidelines-owning-memory): gRPC owned it
      })};
  return grpc::ByteBuffer(slices, 2);
}

}  // namespace

struct FolderStream::Call {
  grpc::ClientContext context;
  std::unique_ptr<RawFolderStream> stream;
  std::string folder_id;
  bool has_ended = false;
  Mutex writing;  // gRPC takes one message after the other, each as fast as the daemon reads
};

FolderStream::FolderStream(std::unique_ptr<Call> call) : call_(std::move(call)) {}

FolderStream::~FolderStream() {
  if (call_->has_ended) return;
  Stop();
  Finish().IgnoreError();
}

const std::string& FolderStream::folder_id() const {
  return call_->folder_id;
}

bool FolderStream::Read(v1::ServeFolderResponse& question) {
  return call_->stream->Read(&question);
}

bool FolderStream::Answer(const v1::ServeFolderRequest& answer, Block data) {
  const grpc::ByteBuffer message = Encode(answer, std::move(data));
  const MutexLock lock(call_->writing);
  return call_->stream->Write(message);
}

void FolderStream::Stop() {
  call_->context.TryCancel();
}

absl::Status FolderStream::Finish() {
  call_->has_ended = true;
  return ToStatus(call_->stream->Finish());
}

absl::StatusOr<std::unique_ptr<FolderStream>> DaemonClient::ServeFolder(
    const v1::ServeFolderRequest::Folder& folder) {
  auto call = std::make_unique<FolderStream::Call>();
  stubs_->Prepare(call->context);
  // As the generated stub does it, but for the type of what is sent.
  call->stream.reset(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, v1::ServeFolderResponse>::Create(
          stubs_->channel.get(), stubs_->serve_folder, &call->context));
  v1::ServeFolderRequest request;
  *request.mutable_folder() = folder;
  v1::ServeFolderResponse greeting;
  if (!call->stream->Write(Encode(request, {})) || !call->stream->Read(&greeting))
    return ToStatus(call->stream->Finish());
  call->folder_id = greeting.folder_id();
  return std::unique_ptr<FolderStream>(new FolderStream(std::move(call)));
}

absl::StatusOr<v1::ListReposResponse> DaemonClient::ListRepos() {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::ListRepos, v1::ListReposRequest());
}

absl::StatusOr<v1::ResolveResponse> DaemonClient::Resolve(const v1::ResolveRequest& request) {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::Resolve, request);
}

absl::StatusOr<v1::GetUsageResponse> DaemonClient::GetUsage() {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::GetUsage, v1::GetUsageRequest());
}

absl::StatusOr<v1::ExplainEvictionResponse> DaemonClient::ExplainEviction(
    const v1::ExplainEvictionRequest& request) {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::ExplainEviction, request);
}

absl::StatusOr<v1::RemoveResponse> DaemonClient::Remove(const v1::RemoveRequest& request) {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::Remove, request);
}

absl::StatusOr<v1::PruneResponse> DaemonClient::Prune(const v1::PruneRequest& request) {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::Prune, request);
}

absl::StatusOr<v1::PinResponse> DaemonClient::Pin(const v1::PinRequest& request) {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::Pin, request);
}

absl::StatusOr<v1::UnpinResponse> DaemonClient::Unpin(const v1::UnpinRequest& request) {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::Unpin, request);
}

absl::StatusOr<v1::RescanResponse> DaemonClient::Rescan() {
  return stubs_->Call(stubs_->cache, &v1::CacheService::Stub::Rescan, v1::RescanRequest());
}

struct HeldLease::Call {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::LeaseResponse>> reader;
  v1::LeaseResponse held;
};

HeldLease::HeldLease(std::unique_ptr<Call> call) : call_(std::move(call)) {}

HeldLease::~HeldLease() {
  call_->context.TryCancel();
  static_cast<void>(call_->reader->Finish());
}

const v1::LeaseResponse& HeldLease::held() const {
  return call_->held;
}

absl::StatusOr<std::unique_ptr<HeldLease>> DaemonClient::Lease(const v1::LeaseRequest& request) {
  auto call = std::make_unique<HeldLease::Call>();
  stubs_->Prepare(call->context);
  call->reader = stubs_->cache.Lease(&call->context, request);
  if (!call->reader->Read(&call->held)) return ToStatus(call->reader->Finish());
  return std::unique_ptr<HeldLease>(new HeldLease(std::move(call)));
}

struct ImportStream::Call {
  grpc::ClientContext context;
  v1::ImportResponse response;
  std::unique_ptr<grpc::ClientWriter<v1::ImportRequest>> writer;
  bool has_ended = false;

  absl::Status End() {
    has_ended = true;
    return ToStatus(writer->Finish());
  }
};

ImportStream::ImportStream(std::unique_ptr<Call> call) : call_(std::move(call)) {}

ImportStream::~ImportStream() {
  if (call_->has_ended) return;
  call_->context.TryCancel();
  static_cast<void>(call_->writer->Finish());
}

absl::Status ImportStream::Send(const v1::ImportRequest& part) {
  return call_->writer->Write(part) ? absl::OkStatus() : call_->End();
}

absl::StatusOr<v1::ImportResponse> ImportStream::Finish() {
  call_->writer->WritesDone();
  RETURN_IF_ERROR(call_->End());
  return std::move(call_->response);
}

std::unique_ptr<ImportStream> DaemonClient::Import() {
  auto call = std::make_unique<ImportStream::Call>();
  stubs_->Prepare(call->context);
  call->writer = stubs_->cache.Import(&call->context, &call->response);
  return std::unique_ptr<ImportStream>(new ImportStream(std::move(call)));
}

absl::Status DaemonClient::Verify(const v1::VerifyRequest& request, CallStop& stop,
                                  const OnMessage<v1::VerifyResponse>& on_message) {
  grpc::ClientContext context;
  stubs_->Prepare(context);
  stop.Attach(&context);
  absl::Status status = stubs_->Drain(context, stubs_->cache.Verify(&context, request), on_message);
  stop.Attach(nullptr);
  return status;
}

absl::StatusOr<v1::GetLimitsResponse> DaemonClient::GetLimits() {
  return stubs_->Call(stubs_->budget, &v1::BudgetService::Stub::GetLimits, v1::GetLimitsRequest());
}

absl::Status DaemonClient::WatchLimits(CallStop& stop, const OnMessage<v1::WatchLimitsResponse>& on_message) {
  grpc::ClientContext context;
  stubs_->Prepare(context);
  stop.Attach(&context);
  absl::Status status =
      stubs_->Drain(context, stubs_->budget.WatchLimits(&context, v1::WatchLimitsRequest()), on_message);
  stop.Attach(nullptr);
  return status;
}

absl::StatusOr<v1::GetStatusResponse> DaemonClient::GetStatus(bool details) {
  v1::GetStatusRequest request;
  request.set_details(details);
  return stubs_->Call(stubs_->daemon, &v1::DaemonService::Stub::GetStatus, request, kStatusDeadline);
}

absl::StatusOr<v1::GetConfigResponse> DaemonClient::GetConfig() {
  return stubs_->Call(stubs_->daemon, &v1::DaemonService::Stub::GetConfig, v1::GetConfigRequest(),
                      kStatusDeadline);
}

absl::StatusOr<uint64_t> DaemonClient::SetBandwidthLimit(std::optional<uint64_t> bytes_per_second) {
  v1::SetBandwidthLimitRequest request;
  if (bytes_per_second) request.set_limit_bytes_per_second(*bytes_per_second);
  ASSIGN_OR_RETURN(
      const v1::SetBandwidthLimitResponse response,
      stubs_->Call(stubs_->daemon, &v1::DaemonService::Stub::SetBandwidthLimit, request, kStatusDeadline));
  return response.limit_bytes_per_second();
}

absl::StatusOr<std::string> DaemonClient::GetMetrics() {
  ASSIGN_OR_RETURN(v1::GetMetricsResponse response,
                   stubs_->Call(stubs_->daemon, &v1::DaemonService::Stub::GetMetrics, v1::GetMetricsRequest(),
                                kStatusDeadline));
  return std::move(*response.mutable_text());
}

absl::StatusOr<v1::SetLogLevelResponse> DaemonClient::SetLogLevel(const std::string& level) {
  v1::SetLogLevelRequest request;
  request.set_level(level);
  return stubs_->Call(stubs_->daemon, &v1::DaemonService::Stub::SetLogLevel, request, kStatusDeadline);
}

absl::StatusOr<v1::DiagnoseResponse> DaemonClient::Diagnose(bool without_network) {
  v1::DiagnoseRequest request;
  request.set_without_network(without_network);
  return stubs_->Call(stubs_->daemon, &v1::DaemonService::Stub::Diagnose, request, kDiagnosisDeadline);
}

absl::Status DaemonClient::Shutdown() {
  return stubs_
      ->Call(stubs_->daemon, &v1::DaemonService::Stub::Shutdown, v1::ShutdownRequest(), kStatusDeadline)
      .status();
}

}  // namespace batuta::client
