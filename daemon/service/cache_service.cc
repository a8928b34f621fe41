#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "batuta/v1/cache_service.grpc.pb.h"

#include "common/status/status.h"
#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/services.h"

namespace batuta::service {

namespace {

struct Place {
  std::filesystem::path path;
  CommitId commit;
};

absl::Status Miss(const RepoId& repo, std::string_view what) {
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} {}: {} is not in the cache", ToString(repo.type()), repo.id(), what),
                   fmt::format("batuta hf pull {} {}", ToString(repo.type()), repo.id()));
}

// Disk pool.
absl::StatusOr<Place> Resolve(cache::Cache& cache, const RepoId& repo, const Revision& revision,
                              const std::optional<RepoPath>& path) {
  std::optional<CommitId> commit = revision.AsCommit();
  if (!commit) {
    ASSIGN_OR_RETURN(commit, cache.ReadRef(repo, revision));
  }
  if (!commit) return Miss(repo, fmt::format("revision {}", revision.text()));
  std::filesystem::path place = cache.SnapshotPath(repo, *commit);
  if (path) place /= path->text();
  std::error_code error;
  if (!std::filesystem::exists(place, error)) {
    return Miss(repo, path ? path->text() : fmt::format("commit {}", commit->hex()));
  }
  return Place{std::move(place), *commit};
}

class GrpcCacheService final : public v1::CacheService::CallbackService {
 public:
  explicit GrpcCacheService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* ListRepos(grpc::CallbackServerContext* /*context*/,
                                      const v1::ListReposRequest* request,
                                      v1::ListReposResponse* response) override {
    const UnaryCall call(context_);
    std::vector<RepoId> only;
    for (const v1::RepoId& message : request->repos()) {
      absl::StatusOr<RepoId> repo = DecodeRepo(message);
      if (!repo.ok()) return call.Finish(repo.status()), call.reactor();
      only.push_back(*std::move(repo));
    }
    context_.disk.Post([&cache = context_.cache, call, response, only = std::move(only)] {
      call.Finish(cache.List(only), [&cache, response](const cache::CacheListing& listing) {
        Encode(listing, response);
        response->set_cache_path(cache.root().string());
      });
    });
    return call.reactor();
  }

  grpc::ServerUnaryReactor* Resolve(grpc::CallbackServerContext* /*context*/,
                                    const v1::ResolveRequest* request,
                                    v1::ResolveResponse* response) override {
    const UnaryCall call(context_);
    const absl::StatusOr<RepoId> repo = DecodeRepo(request->repo());
    if (!repo.ok()) return call.Finish(repo.status()), call.reactor();
    const absl::StatusOr<Revision> revision = DecodeRevision(request->revision());
    if (!revision.ok()) return call.Finish(revision.status()), call.reactor();
    std::optional<RepoPath> path;
    if (!request->path().empty()) {
      absl::StatusOr<RepoPath> parsed = RepoPath::Parse(request->path());
      if (!parsed.ok()) return call.Finish(parsed.status()), call.reactor();
      path = *std::move(parsed);
    }
    context_.disk.Post([&cache = context_.cache, call, response, repo = *repo, revision = *revision,
                        path = std::move(path)] {
      call.Finish(service::Resolve(cache, repo, revision, path), [response](const Place& place) {
        response->set_path(place.path.string());
        response->set_commit(place.commit.hex());
      });
    });
    return call.reactor();
  }

 private:
  const ServiceContext& context_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeCacheService(const ServiceContext& context, uint32_t /*uid*/) {
  return std::make_unique<GrpcCacheService>(context);
}

}  // namespace batuta::service
