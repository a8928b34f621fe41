#include <algorithm>
#include <string_view>
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

absl::Status OfflineMiss(std::string_view what) {
  return MakeError(
      absl::StatusCode::kNotFound, reason::kOfflineMiss,
      fmt::format("{} can only be asked of the hub, and this daemon is offline", what),
      "stop it with `batuta daemon stop` and call again without HF_HUB_OFFLINE; if it stays offline, "
      "`offline` stands in config.toml");
}

class GrpcHubService final : public v1::HubService::CallbackService {
 public:
  GrpcHubService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext* context, const v1::SearchRequest* request,
                                   v1::SearchResponse* response) override {
    const UnaryCall call(context_);
    const absl::StatusOr<hub::SearchQuery> query = DecodeSearch(*request);
    if (!query.ok()) return call.Finish(query.status()), call.reactor();
    if (IsOffline()) return call.Finish(OfflineMiss("a search")), call.reactor();
    context_.hub.Search(*query, AccessFor(*context), [call, response](const auto& repos) {
      call.Finish(repos, [response](const std::vector<hub::RepoSummary>& found) {
        for (const hub::RepoSummary& repo : found) Encode(repo, response->add_repos());
      });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* GetRepo(grpc::CallbackServerContext* context, const v1::GetRepoRequest* request,
                                    v1::GetRepoResponse* response) override {
    const UnaryCall call(context_);
    const absl::StatusOr<RepoId> repo = DecodeRepo(request->repo());
    if (!repo.ok()) return call.Finish(repo.status()), call.reactor();
    const absl::StatusOr<Revision> revision = DecodeRevision(request->revision());
    if (!revision.ok()) return call.Finish(revision.status()), call.reactor();
    if (IsOffline()) return call.Finish(OfflineMiss("what the hub says of a repo")), call.reactor();
    context_.hub.GetRepo(*repo, *revision, AccessFor(*context), [call, response](const auto& info) {
      call.Finish(info, [response](const hub::RepoInfo& found) { Encode(found, response); });
    });
    return call.reactor();
  }

  grpc::ServerWriteReactor<v1::ListFilesResponse>* ListFiles(grpc::CallbackServerContext* context,
                                                             const v1::ListFilesRequest* request) override {
    const auto stream = FileStream::Begin(context_);
    const absl::StatusOr<RepoId> repo = DecodeRepo(request->repo());
    if (!repo.ok()) return stream->Fail(repo.status()), stream.get();
    const absl::StatusOr<Revision> revision = DecodeRevision(request->revision());
    if (!revision.ok()) return stream->Fail(revision.status()), stream.get();
    if (IsOffline()) return stream->Fail(OfflineMiss("the tree of a repo")), stream.get();
    const hub::Access access = AccessFor(*context);
    context_.hub.ResolveRevision(
        *repo, *revision, access,
        [&hub = context_.hub, stream, repo = *repo, access](const absl::StatusOr<CommitId>& commit) {
          if (!commit.ok()) return stream->Fail(commit.status());
          if (!stream->is_open()) return;
          hub.ListTree(repo, *commit, access, [stream](absl::StatusOr<Tree> tree) {
            if (!tree.ok()) return stream->Fail(tree.status());
            stream->Send(InPieces(*std::move(tree)));
          });
        });
    return stream.get();
  }

  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context, const v1::WhoAmIRequest* /*request*/,
                                   v1::WhoAmIResponse* response) override {
    const UnaryCall call(context_);
    const hub::Access access = AccessFor(*context);
    if (access.token.empty()) {
      call.Finish(MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenMissing,
                            "no hub token is known", "log in with `batuta hf login`, or set HF_TOKEN"));
      return call.reactor();
    }
    if (IsOffline()) return call.Finish(OfflineMiss("the owner of a token")), call.reactor();
    context_.hub.WhoAmI(access, [call, response](const auto& identity) {
      call.Finish(identity, [response](const hub::Identity& found) { Encode(found, response); });
    });
    return call.reactor();
  }

 private:
  using FileStream = ListStream<v1::ListFilesResponse>;

  bool IsOffline() const { return context_.facts.offline; }

  // Every call that brings a token also wakes the jobs that wait for one.
  hub::Access AccessFor(const grpc::CallbackServerContext& context) const {
    const Caller caller = CallerOf(uid_, context);
    if (!caller.token.empty()) {
      context_.core.Post(
          [&jobs = context_.jobs, caller] { jobs.OfferToken(caller.principal.uid, caller.token); });
    }
    return AccessOf(caller);
  }

  // The first piece is sent even when the tree is empty: it carries the commit.
  static FileStream::Next InPieces(Tree tree) {
    return
        [tree = std::move(tree), next = size_t{0}, is_first = true](v1::ListFilesResponse* response) mutable {
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
