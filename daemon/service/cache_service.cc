#include <chrono>
#include <optional>
#include <utility>

#include "batuta/v1/cache_service.grpc.pb.h"

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "daemon/service/cache_codec.h"
#include "daemon/service/cached_place.h"
#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/import_call.h"
#include "daemon/service/lease_watch.h"
#include "daemon/service/services.h"
#include "daemon/service/verify_watch.h"

namespace batuta::service {

namespace {

class GrpcCacheService final : public v1::CacheService::CallbackService {
 public:
  GrpcCacheService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* ListRepos(grpc::CallbackServerContext* /*context*/,
                                      const v1::ListReposRequest* request,
                                      v1::ListReposResponse* response) override {
    return Answer(context_.disk, DecodeRepos(request->repos()), response,
                  [](const ServiceContext& services, const std::vector<RepoId>& only,
                     v1::ListReposResponse* out) -> absl::Status {
                    RETURN_IF_ERROR(services.inventory.RefreshChanged());
                    Adopt(services);
                    const eviction::Listing listing = ListingOf(services.evictor.Look(), only);
                    for (const eviction::ListedRepo& repo : listing.repos) {
                      v1::CachedRepo* const encoded = out->add_repos();
                      Encode(repo, encoded);
                      const auto path = services.cache.root() / repo.repo.folder();
                      encoded->set_path(Sendable(path.string()));
                      for (const adoption::UnsafeFile& file : services.adoption.UnsafeOf(repo.repo)) {
                        Encode(file, encoded->add_unsafe());
                      }
                    }
                    for (std::string& warning : services.inventory.Warnings(only)) {
                      out->add_warnings(Sendable(std::move(warning)));
                    }
                    out->set_total_bytes(listing.total_bytes);
                    out->set_cache_path(Sendable(services.cache.root().string()));
                    return absl::OkStatus();
                  });
  }

  grpc::ServerUnaryReactor* Resolve(grpc::CallbackServerContext* /*context*/,
                                    const v1::ResolveRequest* request,
                                    v1::ResolveResponse* response) override {
    absl::StatusOr<Question> asked = DecodeResolve(*request);
    if (asked.ok()) {
      const std::optional<CachedPlace> place = FindCachedAtOnce(context_.cache_at_once, context_.cache,
                                                                asked->repo, *asked->revision, asked->path);
      if (place) return AnswerAtOnce(*asked, *place, response);
    }
    return Answer(context_.disk, std::move(asked), response,
                  [](const ServiceContext& services, const Question& question,
                     v1::ResolveResponse* out) -> absl::Status {
                    ASSIGN_OR_RETURN(const CachedPlace place, FindCached(services.cache, question.repo,
                                                                         *question.revision, question.path));
                    NoteUse(services, question, place);
                    Encode(place, out);
                    return absl::OkStatus();
                  });
  }

  grpc::ServerWriteReactor<v1::LeaseResponse>* Lease(grpc::CallbackServerContext* /*context*/,
                                                     const v1::LeaseRequest* request) override {
    absl::StatusOr<RepoId> repo = DecodeRepo(request->repo());
    absl::StatusOr<Revision> revision = DecodeRevision(request->revision());
    if (repo.ok() && revision.ok()) {
      return LeaseWatch::Begin<LeaseWatch>(context_, *std::move(repo), *std::move(revision));
    }
    const auto refused = ListStream<v1::LeaseResponse>::Begin(context_);
    refused->Fail(repo.ok() ? revision.status() : repo.status());
    return refused.get();
  }

  grpc::ServerUnaryReactor* GetUsage(grpc::CallbackServerContext* /*context*/,
                                     const v1::GetUsageRequest* /*request*/,
                                     v1::GetUsageResponse* response) override {
    return Answer(context_.disk, absl::StatusOr<int>(0), response,
                  [](const ServiceContext& services, int, v1::GetUsageResponse* out) -> absl::Status {
                    ASSIGN_OR_RETURN(const eviction::CacheUsage usage, services.evictor.Measure());
                    Encode(usage, out);
                    out->set_cache_path(Sendable(services.cache.root().string()));
                    return absl::OkStatus();
                  });
  }

  grpc::ServerUnaryReactor* ExplainEviction(grpc::CallbackServerContext* /*context*/,
                                            const v1::ExplainEvictionRequest* request,
                                            v1::ExplainEvictionResponse* response) override {
    return Answer(context_.upkeep, DecodeExplain(*request), response,
                  [](const ServiceContext& services, const std::optional<RepoId>& only,
                     v1::ExplainEvictionResponse* out) -> absl::Status {
                    ASSIGN_OR_RETURN(const eviction::Report report, services.evictor.Why(only));
                    for (const eviction::Line& line : report.lines) Encode(line, out->add_lines());
                    if (!only.has_value()) return absl::OkStatus();
                    Adopt(services);
                    for (const adoption::UnsafeFile& file : services.adoption.UnsafeOf(*only)) {
                      Encode(file, out->add_unsafe());
                    }
                    ASSIGN_OR_RETURN(const std::vector<guard::GivenConsent> given,
                                     services.guard.consents.Of(*only));
                    for (const guard::GivenConsent& consent : given) Encode(consent, out->add_consents());
                    return AddChoices(services, *only, out);
                  });
  }

  grpc::ServerUnaryReactor* Remove(grpc::CallbackServerContext* /*context*/, const v1::RemoveRequest* request,
                                   v1::RemoveResponse* response) override {
    return Answer(
        context_.upkeep, DecodeRemove(*request), response,
        [act = !request->dry_run()](const ServiceContext& services, const eviction::RemoveRequest& wanted,
                                    v1::RemoveResponse* out) -> absl::Status {
          ASSIGN_OR_RETURN(const eviction::Report report, services.evictor.Remove(wanted, act));
          for (const eviction::Line& line : report.lines) Encode(line, out->add_lines());
          out->set_freed_bytes(report.freed_bytes);
          return absl::OkStatus();
        });
  }

  grpc::ServerUnaryReactor* Prune(grpc::CallbackServerContext* /*context*/, const v1::PruneRequest* request,
                                  v1::PruneResponse* response) override {
    return Answer(context_.upkeep, DecodePrune(*request), response,
                  [act = !request->dry_run()](const ServiceContext& services, const PruneOrder& order,
                                              v1::PruneResponse* out) -> absl::Status {
                    ASSIGN_OR_RETURN(const eviction::Report report,
                                     order.free_bytes > 0 ? services.evictor.Free(order.free_bytes, act)
                                                          : services.evictor.Prune(order.request, act));
                    for (const eviction::Line& line : report.lines) Encode(line, out->add_lines());
                    out->set_loose_files(report.loose_files);
                    out->set_freed_bytes(report.freed_bytes);
                    return absl::OkStatus();
                  });
  }

  grpc::ServerUnaryReactor* Pin(grpc::CallbackServerContext* /*context*/, const v1::PinRequest* request,
                                v1::PinResponse* response) override {
    return Answer(context_.disk, DecodeQuestion(request->repo(), request->revision()), response,
                  [reason = request->reason()](const ServiceContext& services, const Question& asked,
                                               v1::PinResponse* out) -> absl::Status {
                    ASSIGN_OR_RETURN(const std::optional<CommitId> commit, CommitOf(services, asked));
                    out->set_commit(commit ? commit->hex() : "");
                    return services.inventory.pins().Add(
                        {asked.repo, commit, FormatRfc3339(services.clock.wall()), reason});
                  });
  }

  grpc::ServerUnaryReactor* Unpin(grpc::CallbackServerContext* /*context*/, const v1::UnpinRequest* request,
                                  v1::UnpinResponse* response) override {
    return Answer(
        context_.disk, DecodeQuestion(request->repo(), request->revision()), response,
        [](const ServiceContext& services, const Question& asked, v1::UnpinResponse* out) -> absl::Status {
          ASSIGN_OR_RETURN(const std::optional<CommitId> commit, CommitOf(services, asked));
          ASSIGN_OR_RETURN(const size_t removed, services.inventory.pins().Remove(asked.repo, commit));
          out->set_removed(static_cast<uint32_t>(removed));
          return absl::OkStatus();
        });
  }

  grpc::ServerUnaryReactor* Rescan(grpc::CallbackServerContext* /*context*/,
                                   const v1::RescanRequest* /*request*/,
                                   v1::RescanResponse* response) override {
    return Answer(context_.disk, absl::StatusOr<int>(0), response,
                  [](const ServiceContext& services, int, v1::RescanResponse* out) -> absl::Status {
                    RETURN_IF_ERROR(services.inventory.Rescan());
                    const eviction::Listing listing = ListingOf(services.evictor.Look(), {});
                    out->set_repos(static_cast<uint32_t>(listing.repos.size()));
                    for (const eviction::ListedRepo& repo : listing.repos) {
                      out->set_snapshots(out->snapshots() + static_cast<uint32_t>(repo.revisions.size()));
                      out->set_selections(out->selections() + static_cast<uint32_t>(repo.selections.size()));
                      out->set_files(out->files() + repo.file_count);
                    }
                    out->set_size_bytes(listing.total_bytes);
                    for (std::string& warning : services.inventory.Warnings({})) {
                      out->add_warnings(Sendable(std::move(warning)));
                    }
                    return absl::OkStatus();
                  });
  }

  grpc::ServerReadReactor<v1::ImportRequest>* Import(grpc::CallbackServerContext* context,
                                                     v1::ImportResponse* response) override {
    return BeginImport(context_, CallerOf(uid_, *context).principal, response);
  }

  grpc::ServerWriteReactor<v1::VerifyResponse>* Verify(grpc::CallbackServerContext* context,
                                                       const v1::VerifyRequest* request) override {
    return VerifyWatch::Begin<VerifyWatch>(context_, CallerOf(uid_, *context), *request);
  }

 private:
  struct Question {
    RepoId repo;
    std::optional<Revision> revision;
    std::optional<RepoPath> path;
  };

  // On gRPC's thread, which must not wait: what is to be written down is left to the pool.
  grpc::ServerUnaryReactor* AnswerAtOnce(const Question& asked, const CachedPlace& place,
                                         v1::ResolveResponse* response) {
    const UnaryCall call(context_);
    call.Answer([&] { Encode(place, response); });
    if (!context_.inventory.TouchInMemory(asked.repo, place.commit, PathOf(asked))) {
      context_.disk.Post([this, asked, place] { NoteUse(context_, asked, place); });
    }
    return call.reactor();
  }

  // A request that does not decode is refused at once; else `work` runs on the pool and fills the response.
  template <typename Decoded, typename Response, typename Work>
  grpc::ServerUnaryReactor* Answer(WorkerPool& pool, absl::StatusOr<Decoded> decoded, Response* response,
                                   Work work) {
    const UnaryCall call(context_);
    if (!decoded.ok()) {
      call.Finish(decoded.status());
      return call.reactor();
    }
    pool.Post([this, call, response, decoded = *std::move(decoded), work = std::move(work)] {
      Response found;  // the call's own is gone when it ends meanwhile
      const absl::Status status = work(context_, decoded, &found);
      if (!status.ok()) return call.Finish(status);
      call.Answer([&] { *response = std::move(found); });
    });
    return call.reactor();
  }

  static absl::StatusOr<Question> DecodeQuestion(const v1::RepoId& repo, const std::string& revision) {
    ASSIGN_OR_RETURN(RepoId decoded, DecodeRepo(repo));
    Question question{std::move(decoded), std::nullopt, std::nullopt};
    if (!revision.empty()) {
      ASSIGN_OR_RETURN(question.revision, DecodeRevision(revision));
    }
    return question;
  }

  static absl::StatusOr<Question> DecodeResolve(const v1::ResolveRequest& request) {
    ASSIGN_OR_RETURN(Question question, DecodeQuestion(request.repo(), request.revision()));
    if (!question.revision) question.revision = Revision::Main();
    if (!request.path().empty()) {
      ASSIGN_OR_RETURN(question.path, RepoPath::Parse(request.path()));
    }
    return question;
  }

  static std::optional<std::string> PathOf(const Question& asked) {
    return asked.path ? std::optional(asked.path->text()) : std::nullopt;
  }

  // Disk pool. Where it cannot be written down, on a full disk for example, the file can be used all the
  // same.
  static void NoteUse(const ServiceContext& services, const Question& asked, const CachedPlace& place) {
    const absl::Status noted = services.inventory.Touch(asked.repo, place.commit, PathOf(asked));
    if (!noted.ok()) LogWarn("use not noted", Field("error", std::string(MessageOf(noted))));
  }

  // What has come since the last look is looked at now, when that is done soon; else when upkeep comes to it.
  static void Adopt(const ServiceContext& services) {
    constexpr std::chrono::milliseconds kSoon{300};
    const SteadyTime until = services.clock.steady() + kSoon;
    while (services.clock.steady() < until && services.adoption.LookAtNext()) {
    }
  }

  // Why pulls took what is there of the repo.
  static absl::Status AddChoices(const ServiceContext& services, const RepoId& repo,
                                 v1::ExplainEvictionResponse* out) {
    const auto known = services.inventory.Find(repo);
    if (known == nullptr) return absl::OkStatus();
    for (const inventory::Snapshot& snapshot : known->snapshots) {
      ASSIGN_OR_RETURN(const std::vector<inventory::PulledSelection> pulled,
                       services.inventory.PulledOf(repo, snapshot.commit));
      for (const inventory::PulledSelection& selection : pulled) {
        if (!selection.why.empty()) Encode(snapshot.commit, selection, out->add_choices());
      }
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<std::optional<RepoId>> DecodeExplain(const v1::ExplainEvictionRequest& request) {
    if (!request.has_repo()) return std::optional<RepoId>();
    ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(request.repo()));
    return std::optional(std::move(repo));
  }

  // Disk pool. Nothing when none was named.
  static absl::StatusOr<std::optional<CommitId>> CommitOf(const ServiceContext& services,
                                                          const Question& asked) {
    if (!asked.revision) return std::optional<CommitId>();
    ASSIGN_OR_RETURN(CommitId commit, CachedCommit(services.cache, asked.repo, *asked.revision));
    return std::optional(std::move(commit));
  }

  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeCacheService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcCacheService>(context, uid);
}

}  // namespace batuta::service
