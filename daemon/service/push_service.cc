#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <unistd.h>

#include "batuta/v1/push_service.grpc.pb.h"

#include "common/status/status.h"
#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/folder_call.h"
#include "daemon/service/push_codec.h"
#include "daemon/service/services.h"
#include "daemon/service/streams.h"

namespace batuta::service {

namespace {

constexpr size_t kFilesPerMessage = 1'000;

// What the daemon opens itself it opens with its own rights: nothing for users who have others, and nothing
// at all in system mode. Their clients serve it.
absl::Status CheckMayRead(const ServiceContext& services, const Principal& caller,
                          const std::optional<push::ServedBy>& served) {
  if (served) return absl::OkStatus();
  if (services.facts.mode != "system" && (caller.uid == geteuid() || caller.uid == 0))
    return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
      "this daemon must not read your files itself: the client has to serve the folder",
      "push with `batuta hf push` of this version, or with a daemon of your own: batuta daemon start");
}

// How far the plan is, then the plan, then its files.
class PlanWatch final : public WatchStream<v1::PlanPushResponse> {
 public:
  PlanWatch(const ServiceContext& services, Caller caller, const v1::PlanPushRequest& request)
      : WatchStream(services),
        caller_(std::move(caller)),
        request_(DecodePush(request.spec(), caller_.principal.uid)) {}

 protected:
  absl::Status Subscribe() override {
    RETURN_IF_ERROR(request_.status());
    RETURN_IF_ERROR(CheckMayRead(services(), caller_.principal, request_->served));
    services().jobs.OfferToken(caller_.principal.uid, caller_.token);
    planning_ = services().push_planner.Plan(
        *request_, AccessOf(caller_),
        [this](const push::PlanProgress& progress) {
          progress_ = progress;
          Changed();
        },
        [this](absl::StatusOr<push::PushPlan> plan) {
          plan_ = std::move(plan);
          Changed();
        });
    return absl::OkStatus();
  }

  void Unsubscribe() override { planning_.reset(); }

  absl::StatusOr<Read> ReadNext(v1::PlanPushResponse* response) override {
    if (!plan_) {
      if (!progress_) return Read::kNothingNew;
      Encode(*std::exchange(progress_, std::nullopt), response->mutable_progress());
      return Read::kMessage;
    }
    RETURN_IF_ERROR(plan_->status());
    const push::PushPlan& plan = **plan_;
    if (is_told_ && next_ == plan.files.size()) return Read::kEnd;
    if (!std::exchange(is_told_, true)) Encode(plan, response->mutable_plan());
    const size_t end = std::min(next_ + kFilesPerMessage, plan.files.size());
    for (; next_ < end; ++next_) Encode(plan.files[next_], response->add_files());
    return Read::kMessage;
  }

 private:
  const Caller caller_;
  const absl::StatusOr<push::PushRequest> request_;
  std::unique_ptr<push::Planning> planning_;
  std::optional<push::PlanProgress> progress_;  // not told yet
  std::optional<absl::StatusOr<push::PushPlan>> plan_;
  bool is_told_ = false;
  size_t next_ = 0;
};

class GrpcPushService final : public v1::PushService::CallbackService {
 public:
  GrpcPushService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {
    ServeFoldersRaw();
  }

  grpc::ServerWriteReactor<v1::PlanPushResponse>* PlanPush(grpc::CallbackServerContext* context,
                                                           const v1::PlanPushRequest* request) override {
    return PlanWatch::Begin<PlanWatch>(context_, CallerOf(uid_, *context), *request);
  }

  grpc::ServerUnaryReactor* StartPush(grpc::CallbackServerContext* context,
                                      const v1::StartPushRequest* request,
                                      v1::StartPushResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    absl::StatusOr<push::PushRequest> push = DecodePush(request->spec(), uid_);
    if (!push.ok()) return call.Finish(push.status()), call.reactor();
    push->plan_digest = request->plan_digest();
    push->endpoint = context_.facts.endpoint;
    if (absl::Status may = CheckMayRead(context_, CallerOf(uid_, *context).principal, push->served);
        !may.ok())
      return call.Finish(may), call.reactor();
    context_.core.Post([&jobs = context_.jobs, call, response, caller = CallerOf(uid_, *context),
                        request_id = request->request_id(), push = *std::move(push)]() mutable {
      jobs.OfferToken(caller.principal.uid, caller.token);
      jobs.Start(caller.principal, std::move(caller.token), std::move(request_id), std::move(push),
                 [call, response](const absl::StatusOr<jobs::JobView>& job) {
                   call.Finish(job, [response](const auto& view) { Encode(view, response->mutable_job()); });
                 });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* PreviewCard(grpc::CallbackServerContext* context,
                                        const v1::PreviewCardRequest* request,
                                        v1::PreviewCardResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    absl::StatusOr<CardWish> wish = DecodeCardWish(*request, uid_);
    if (!wish.ok()) return call.Finish(wish.status()), call.reactor();
    if (absl::Status may = CheckMayRead(context_, CallerOf(uid_, *context).principal, wish->served);
        !may.ok())
      return call.Finish(may), call.reactor();
    context_.push_planner.PreviewCard(
        wish->path, wish->served, wish->repo, [call, response](const absl::StatusOr<card::Card>& made) {
          call.Finish(made, [response](const card::Card& card) { Encode(card, response); });
        });
    return call.reactor();
  }

 private:
  // Its messages come as gRPC received them, in place of the parsed ones that the generated handler has.
  void ServeFoldersRaw() {
    const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
        std::string(v1::PushService::service_full_name()) + ".ServeFolder");
    MarkMethodRawCallback(method->index(),
                          new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, v1::ServeFolderResponse>(
                              [this](grpc::CallbackServerContext* context) {
                                return BeginServeFolder(context_, CallerOf(uid_, *context));
                              }));
  }

  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePushService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcPushService>(context, uid);
}

}  // namespace batuta::service
