#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "batuta/v1/hub_service.grpc.pb.h"

#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/services.h"
#include "daemon/service/streams.h"

namespace batuta::service {

namespace {

constexpr size_t kEntriesPerMessage = 1'000;

// To a caller who did not ask to be offline.
absl::Status DaemonIsOffline(const absl::Status& status) {
  if (ReasonOf(status) != reason::kOfflineMiss) return status;
  return MakeError(
      status.code(), reason::kOfflineMiss, fmt::format("{}; this daemon is offline", MessageOf(status)),
      "stop it with `batuta daemon stop` and call again without HF_HUB_OFFLINE; if it stays offline, "
      "`offline` stands in config.toml");
}

class GrpcHubService final : public v1::HubService::CallbackService {
 public:
  GrpcHubService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext* context, const v1::SearchRequest* request,
                                   v1::SearchResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    const absl::StatusOr<hub::SearchQuery> query = DecodeSearch(*request);
    if (!query.ok()) return call.Finish(query.status()), call.reactor();
    const absl::StatusOr<Asking> asking = AskingFor(*context, *request);
    if (!asking.ok()) return call.Finish(asking.status()), call.reactor();
    context_.hub.Search(
        *query, asking->access, [this, call, response, as_of = asking->as_of](const auto& repos) {
          Answer(call, response, as_of, repos, [response](const std::vector<hub::RepoSummary>& found) {
            for (const hub::RepoSummary& repo : found) Encode(repo, response->add_repos());
          });
        });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* GetRepo(grpc::CallbackServerContext* context, const v1::GetRepoRequest* request,
                                    v1::GetRepoResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    const absl::StatusOr<RepoId> repo = DecodeRepo(request->repo());
    if (!repo.ok()) return call.Finish(repo.status()), call.reactor();
    const absl::StatusOr<Revision> revision = DecodeRevision(request->revision());
    if (!revision.ok()) return call.Finish(revision.status()), call.reactor();
    const absl::StatusOr<Asking> asking = AskingFor(*context, *request);
    if (!asking.ok()) return call.Finish(asking.status()), call.reactor();
    context_.hub.GetRepo(*repo, *revision, asking->access,
                         [this, call, response, as_of = asking->as_of](const auto& info) {
                           Answer(call, response, as_of, info,
                                  [response](const hub::RepoInfo& found) { Encode(found, response); });
                         });
    return call.reactor();
  }

  grpc::ServerWriteReactor<v1::ListFilesResponse>* ListFiles(grpc::CallbackServerContext* context,
                                                             const v1::ListFilesRequest* request) override {
    const auto stream = FileStream::Begin(context_);
    if (!stream->is_open()) return stream.get();
    const absl::StatusOr<RepoId> repo = DecodeRepo(request->repo());
    if (!repo.ok()) return stream->Fail(repo.status()), stream.get();
    const absl::StatusOr<Revision> revision = DecodeRevision(request->revision());
    if (!revision.ok()) return stream->Fail(revision.status()), stream.get();
    const absl::StatusOr<Asking> asking = AskingFor(*context, *request);
    if (!asking.ok()) return stream->Fail(asking.status()), stream.get();
    context_.hub.ResolveRevision(
        *repo, *revision, asking->access,
        [this, stream, repo = *repo, asking = *asking](const absl::StatusOr<CommitId>& commit) {
          if (!commit.ok()) return stream->Fail(Explained(commit.status()));
          if (!stream->is_open()) return;
          context_.hub.ListTree(repo, *commit, asking.access,
                                [this, stream, as_of = asking.as_of](absl::StatusOr<Tree> tree) {
                                  if (!tree.ok()) return stream->Fail(Explained(tree.status()));
                                  stream->Send(InPieces(*std::move(tree), *as_of));
                                });
        });
    return stream.get();
  }

  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context, const v1::WhoAmIRequest* request,
                                   v1::WhoAmIResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    const absl::StatusOr<Asking> asking = AskingFor(*context, *request);
    if (!asking.ok()) return call.Finish(asking.status()), call.reactor();
    if (asking->access.token.empty()) {
      call.Finish(MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenMissing,
                            "no hub token is known", "log in with `batuta hf login`, or set HF_TOKEN"));
      return call.reactor();
    }
    context_.hub.WhoAmI(asking->access, [this, call, response, as_of = asking->as_of](const auto& identity) {
      Answer(call, response, as_of, identity,
             [response](const hub::Identity& found) { Encode(found, response); });
    });
    return call.reactor();
  }

 private:
  using FileStream = ListStream<v1::ListFilesResponse>;

  // When the hub said what it was not asked again; told before the answer, and like it on the core sequence.
  using AsOf = std::shared_ptr<std::optional<WallTime>>;

  struct Asking {
    hub::Access access;
    AsOf as_of;
  };

  // Every call that brings a token also wakes the jobs that wait for one.
  template <typename Request>
  absl::StatusOr<Asking> AskingFor(const grpc::CallbackServerContext& context, const Request& request) const {
    ASSIGN_OR_RETURN(const hub::Memory memory, DecodeMemory(request.refresh(), request.offline()));
    const Caller caller = CallerOf(uid_, context);
    if (!caller.token.empty()) {
      context_.core.Post(
          [&jobs = context_.jobs, caller] { jobs.OfferToken(caller.principal.uid, caller.token); });
    }
    Asking asking{AccessOf(caller), std::make_shared<std::optional<WallTime>>()};
    asking.access.memory = context_.facts.offline ? hub::Memory::kOnly : memory;
    asking.access.on_remembered = [as_of = asking.as_of](WallTime at) { *as_of = at; };
    return asking;
  }

  absl::Status Explained(const absl::Status& status) const {
    return context_.facts.offline ? DaemonIsOffline(status) : status;
  }

  // Ends a call with what the hub client said.
  template <typename Response, typename Result, typename Encoder>
  void Answer(const UnaryCall& call, Response* response, const AsOf& as_of,
              const absl::StatusOr<Result>& result, Encoder encode) const {
    if (!result.ok()) return call.Finish(Explained(result.status()));
    call.Answer([&] {
      encode(*result);
      if (*as_of) Encode(**as_of, response->mutable_as_of());
    });
  }

  // The first piece is sent even when the tree is empty: it carries the commit.
  static FileStream::Next InPieces(Tree tree, std::optional<WallTime> as_of) {
    return [tree = std::move(tree), as_of, next = size_t{0},
            is_first = true](v1::ListFilesResponse* response) mutable {
      if (is_first && as_of) Encode(*as_of, response->mutable_as_of());
      if (!std::exchange(is_first, false) && next == tree.entries.size()) return false;
      response->set_commit(tree.commit.hex());
      const size_t end = std::min(next + kEntriesPerMessage, tree.entries.size());
      for (; next < end; ++next) Encode(tree.entries[next], response->add_entries());
      return true;
    };
  }

  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeHubService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcHubService>(context, uid);
}

}  // namespace batuta::service
