#include <memory>
#include <optional>
#include <utility>

#include "batuta/v1/fit_service.grpc.pb.h"

#include "common/status/status.h"
#include "daemon/service/cached_place.h"
#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/fit_codec.h"
#include "daemon/service/services.h"

namespace batuta::service {

namespace {

class GrpcFitService final : public v1::FitService::CallbackService {
 public:
  GrpcFitService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* Fit(grpc::CallbackServerContext* context, const v1::FitRequest* request,
                                v1::FitResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    absl::StatusOr<pull::PullRequest> decoded = Decode(*request);
    if (!decoded.ok()) return call.Finish(decoded.status()), call.reactor();
    if ((decoded->offline || context_.facts.offline) && !MayRead(context_.rights, uid_, decoded->repo)) {
      return call.Finish(NotCached(decoded->repo, decoded->revision, std::nullopt)), call.reactor();
    }
    context_.core.Post([&services = context_, call, response, caller = CallerOf(uid_, *context),
                        wanted = *std::move(decoded)] {
      services.jobs.OfferToken(caller.principal.uid, caller.token);
      const hub::Access access = AccessOf(caller);
      hub::Access asking = access;
      if (wanted.offline) asking.memory = hub::Memory::kOnly;
      // What fits is worked out from what is cached of the files, too.
      Admit(services.rights, wanted.repo, wanted.revision, asking,
            [&services, call, response, wanted, access](const absl::Status& admitted) {
              if (!admitted.ok()) return call.Finish(admitted);
              services.planner.Fit(wanted, access,
                                   [call, response](const absl::StatusOr<pull::FitReport>& report) {
                                     call.Finish(report, [response](const pull::FitReport& found) {
                                       Encode(found, response->mutable_fit());
                                     });
                                   });
            });
    });
    return call.reactor();
  }

 private:
  static absl::StatusOr<pull::PullRequest> Decode(const v1::FitRequest& request) {
    ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(request.repo()));
    if (repo.type() != RepoType::kModel) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                       "only models have variants to choose among");
    }
    ASSIGN_OR_RETURN(Revision revision, DecodeRevision(request.revision()));
    pull::PullRequest wanted{.repo = std::move(repo), .revision = std::move(revision), .selection = {}};
    wanted.selection.repo_type = wanted.repo.type();
    wanted.offline = request.offline();
    ASSIGN_OR_RETURN(wanted.fit, DecodeFit(request.spec()));
    return wanted;
  }

  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeFitService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcFitService>(context, uid);
}

}  // namespace batuta::service
