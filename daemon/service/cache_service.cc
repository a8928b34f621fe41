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
                  [this](const ServiceContext& services, const std::vector<RepoId>& only,
                         v1::ListReposResponse* out) -> absl::Status {
                    RETURN_IF_ERROR(services.inventory.RefreshChanged());
                    Adopt(services);
                    const std::optional<std::vector<RepoId>> shown = Shown(only);
                    out->set_cache_path(Sendable(services.cache.root().string()));
                    if (!shown) return absl::OkStatus();
                    const eviction::Listing listing = ListingOf(services.evictor.Look(), *shown);
                    for (const eviction::ListedRepo& repo : listing.repos) {
                      v1::CachedRepo* const encoded = out->add_repos();
                      Encode(repo, encoded, [this](const RepoId& other) { return MayKnow(other); });
                      const auto path = services.cache.root() / repo.repo.folder();
                      encoded->set_path(Sendable(path.string()));
                      for (const adoption::UnsafeFile& file : services.adoption.UnsafeOf(repo.repo)) {
                        Encode(file, encoded->add_unsafe());
                      }
                    }
                    for (std::string& warning : services.inventory.Warnings(*shown)) {
                      out->add_warnings(Sendable(std::move(warning)));
                    }
                    out->set_total_bytes(listing.total_bytes);
                    return absl::OkStatus();
                  });
  }

  grpc::ServerUnaryReactor* Resolve(grpc::CallbackServerContext* context, const v1::ResolveRequest* request,
                                    v1::ResolveResponse* response) override {
    absl::StatusOr<Question> asked = DecodeResolve(*request);
    if (asked.ok() && !MayRead(asked->repo)) {
      return ResolveWhenAdmitted(CallerOf(uid_, *context), *std::move(asked), response);
    }
    if (asked.ok()) {
      const std::optional<CachedPlace> place = FindCachedAtOnce(context_.cache_at_once, context_.cache,
                                                                asked->repo, *asked->revision, asked->path);
      if (place) return AnswerAtOnce(*asked, *place, response);
    }
    return Answer(context_.disk, std::move(asked), response, ResolveOnDisk);
  }

  grpc::ServerWriteReactor<v1::LeaseResponse>* Lease(grpc::CallbackServerContext* /*context*/,
                                                     const v1::LeaseRequest* request) override {
    absl::StatusOr<RepoId> repo = DecodeRepo(request->repo());
    absl::StatusOr<Revision> revision = DecodeRevision(request->revision());
    if (repo.ok() && revision.ok() && MayRead(*repo)) {
      return LeaseWatch::Begin<LeaseWatch>(context_, *std::move(repo), *std::move(revision));
    }
    const auto refused = ListStream<v1::LeaseResponse>::Begin(context_);
    absl::Status why = repo.ok() ? revision.status() : repo.status();
    if (why.ok()) why = NotCached(*repo, *revision, std::nullopt);
    refused->Fail(why);
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
                  [this](const ServiceContext& services, const std::optional<RepoId>& only,
                         v1::ExplainEvictionResponse* out) -> absl::Status {
                    if (only && !MayKnow(*only)) return NotCached(*only, Revision::Main(), std::nullopt);
                    ASSIGN_OR_RETURN(const eviction::Report report, services.evictor.Why(only));
                    for (const eviction::Line& line : report.lines) {
                      if (MayKnow(line.selection.repo)) Encode(line, out->add_lines());
                    }
                    if (!only.has_value()) return absl::OkStatus();
                    Adopt(services);
                    for (const adoption::UnsafeFile& file : services.adoption.UnsafeOf(*only)) {
                      Encode(file, out->add_unsafe());
                    }
                    ASSIGN_OR_RETURN(const std::vector<guard::GivenConsent> given,
                                     services.guard.consents.Of(*only));
                    for (const guard::GivenConsent& consent : given) {
                      const bool may_see = consent.who.uid == uid_ || IsAdmin(services.rights, uid_);
                      if (may_see) Encode(consent, out->add_consents());
                    }
                    return AddChoices(services, *only, out);
                  });
  }

  grpc::ServerUnaryReactor* Remove(grpc::CallbackServerContext* /*context*/, const v1::RemoveRequest* request,
                                   v1::RemoveResponse* response) override {
    return Answer(
        context_.upkeep, IfAdmin("remove from the cache", DecodeRemove(*request)), response,
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
    return Answer(context_.upkeep, IfAdmin("prune the cache", DecodePrune(*request)), response,
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
                  [this, reason = request->reason()](const ServiceContext& services, const Question& asked,
                                                     v1::PinResponse* out) -> absl::Status {
                    RETURN_IF_ERROR(CheckMayKnow(asked));
                    ASSIGN_OR_RETURN(const std::optional<CommitId> commit, CommitOf(services, asked));
                    out->set_commit(commit ? commit->hex() : "");
                    return services.inventory.pins().Add(
                        {asked.repo, commit, FormatRfc3339(services.clock.wall()), reason, Owner()});
                  });
  }

  grpc::ServerUnaryReactor* Unpin(grpc::CallbackServerContext* /*context*/, const v1::UnpinRequest* request,
                                  v1::UnpinResponse* response) override {
    return Answer(
        context_.disk, DecodeQuestion(request->repo(), request->revision()), response,
        [this](const ServiceContext& services, const Question& asked,
               v1::UnpinResponse* out) -> absl::Status {
          RETURN_IF_ERROR(CheckMayKnow(asked));
          ASSIGN_OR_RETURN(const std::optional<CommitId> commit, CommitOf(services, asked));
          // What others have pinned is theirs, but for admins.
          const std::optional<uint32_t> owner = IsAdmin(services.rights, uid_) ? std::nullopt : Owner();
          ASSIGN_OR_RETURN(const size_t removed, services.inventory.pins().Remove(asked.repo, commit, owner));
          out->set_removed(static_cast<uint32_t>(removed));
          return absl::OkStatus();
        });
  }

  grpc::ServerUnaryReactor* Rescan(grpc::CallbackServerContext* /*context*/,
                                   const v1::RescanRequest* /*request*/,
                                   v1::RescanResponse* response) override {
    return Answer(context_.disk, IfAdmin("survey the cache anew", absl::StatusOr<int>(0)), response,
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

  bool MayRead(const RepoId& repo) const { return service::MayRead(context_.rights, uid_, repo); }

  bool MayKnow(const RepoId& repo) const { return service::MayKnow(context_.rights, uid_, repo); }

  absl::Status CheckMayKnow(const Question& asked) const {
    if (MayKnow(asked.repo)) return absl::OkStatus();
    return NotCached(asked.repo, asked.revision.value_or(Revision::Main()), asked.path);
  }

  // Whose a pin is, where that makes a difference.
  std::optional<uint32_t> Owner() const {
    return context_.rights.is_shared() ? std::optional(uid_) : std::nullopt;
  }

  template <typename Decoded>
  absl::StatusOr<Decoded> IfAdmin(std::string_view what, absl::StatusOr<Decoded> decoded) const {
    RETURN_IF_ERROR(RequireAdmin(context_.rights, uid_, what));
    return decoded;
  }

  // Which repos to list of those that are named (none: of all), as ListingOf() takes them; nothing: none.
  std::optional<std::vector<RepoId>> Shown(const std::vector<RepoId>& only) const {
    if (IsAdmin(context_.rights, uid_)) return only;
    std::vector<RepoId> shown = only;
    if (only.empty()) {
      for (const auto& repo : context_.inventory.All()) shown.push_back(repo->repo);
    }
    std::erase_if(shown, [this](const RepoId& repo) { return !MayKnow(repo); });
    return shown.empty() ? std::nullopt : std::optional(std::move(shown));
  }

  // Disk pool.
  static absl::Status ResolveOnDisk(const ServiceContext& services, const Question& asked,
                                    v1::ResolveResponse* out) {
    ASSIGN_OR_RETURN(const CachedPlace place,
                     FindCached(services.cache, asked.repo, *asked.revision, asked.path));
    NoteUse(services, asked, place);
    Encode(place, out);
    return absl::OkStatus();
  }

  // A caller who has proved nothing yet may do so with this call: with a token that the hub takes.
  grpc::ServerUnaryReactor* ResolveWhenAdmitted(const Caller& caller, Question asked,
                                                v1::ResolveResponse* response) {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    if (caller.token.empty() || context_.facts.offline) {
      return call.Finish(NotCached(asked.repo, *asked.revision, asked.path)), call.reactor();
    }
    context_.core.Post([this, call, response, access = AccessOf(caller), asked = std::move(asked)] {
      Admit(context_.rights, asked.repo, *asked.revision, access,
            [this, call, response, asked](const absl::Status& admitted) {
              if (!admitted.ok()) return call.Finish(admitted);
              context_.disk.Post([this, call, response, asked] {
                v1::ResolveResponse found;
                const absl::Status status = ResolveOnDisk(context_, asked, &found);
                if (!status.ok()) return call.Finish(status);
                call.Answer([&] { *response = std::move(found); });
              });
            });
    });
    return call.reactor();
  }

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
    if (!call.is_open()) return call.reactor();
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
