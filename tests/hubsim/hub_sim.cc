#include "tests/hubsim/hub_sim.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/admin_api.h"
#include "tests/hubsim/api/cdn_handler.h"
#include "tests/hubsim/api/hub_handler.h"
#include "tests/hubsim/api/site.h"
#include "tests/hubsim/net/http_server.h"
#include "tests/hubsim/net/spool_folder.h"
#include "tests/hubsim/store/folder_loader.h"
#include "tests/hubsim/store/history.h"

namespace batuta::hubsim {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<ContentPtr> ContentFrom(const std::string& path, const FileSource& source) {
  if (const auto* text = std::get_if<std::string>(&source)) return MemoryContent(*text);
  if (const auto* made = std::get_if<Generated>(&source)) return SampleContent(path, made->size, made->seed);
  return DiskContent(std::get<FromDisk>(source).path);
}

std::string MakeSecret() {
  static std::atomic<std::uint64_t> counter{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return Sha256Hex(fmt::format("{} {}", now, counter++));
}

class LoopbackHub final : public HubSim {
 public:
  LoopbackHub(Options options, std::unique_ptr<SpoolFolder> spool, std::unique_ptr<HttpServer> hub,
              std::unique_ptr<HttpServer> cdn)
      : options_(std::move(options)),
        spool_(std::move(spool)),
        signer_(MakeSecret()),
        limiter_(options_.window),
        actions_(options_.hour),
        site_{.options = options_,
              .store = store_,
              .uploads = uploads_,
              .signer = signer_,
              .endpoint = fmt::format("http://127.0.0.1:{}", hub->port()),
              .cdn_endpoint = fmt::format("http://127.0.0.1:{}", cdn->port())},
        hub_handler_(site_, limiter_, actions_,
                     [this](const Request& request) { return AdminAnswer(*this, request); }),
        cdn_handler_(site_),
        hub_(std::move(hub)),
        cdn_(std::move(cdn)) {
    hub_->Run({hub_handler_, faults_, recorder_, stop_, *spool_, options_.kept_body_bytes});
    cdn_->Run({cdn_handler_, faults_, recorder_, stop_, *spool_});
  }

  ~LoopbackHub() override { StopServers(); }

  std::string endpoint() const override { return site_.endpoint; }

  std::string cdn_endpoint() const override { return site_.cdn_endpoint; }

  absl::StatusOr<RepoRef> CreateRepo(RepoKind kind, const std::string& id, RepoSettings settings) override {
    const std::scoped_lock lock(store_.mutex());
    const auto repo = store_.Create(kind, id, std::move(settings));
    if (!repo.ok()) return repo.status();
    return RepoRef{.kind = kind, .id = id};
  }

  absl::StatusOr<std::string> CommitFiles(const RepoRef& ref, const std::string& branch, const FileSet& files,
                                          const CommitOptions& options) override {
    absl::StatusOr<TreeChange> change = Digest(ref, branch, files);
    if (!change.ok()) return change.status();
    change->deleted_files.insert(options.deleted.begin(), options.deleted.end());
    const std::scoped_lock lock(store_.mutex());
    Repo* repo = store_.Find(ref.kind, ref.id);
    if (repo == nullptr) return NoSuchRepo(ref);
    const CommitText text{.title = options.title, .message = options.message, .author = options.author};
    return CommitToRef(*repo, FullRefName(branch), text, *std::move(change));
  }

  absl::Status SetRef(const RepoRef& ref, const std::string& name, const std::string& revision) override {
    const std::scoped_lock lock(store_.mutex());
    Repo* repo = store_.Find(ref.kind, ref.id);
    if (repo == nullptr) return NoSuchRepo(ref);
    const Commit* commit = repo->Resolve(revision);
    if (commit == nullptr) commit = repo->FindCommit(revision);
    if (commit == nullptr) return absl::NotFoundError("no revision " + revision + " in " + ref.id);
    repo->refs[FullRefName(name)] = commit->id;
    return absl::OkStatus();
  }

  absl::Status DeleteRef(const RepoRef& ref, const std::string& name) override {
    const std::scoped_lock lock(store_.mutex());
    Repo* repo = store_.Find(ref.kind, ref.id);
    if (repo == nullptr) return NoSuchRepo(ref);
    if (repo->refs.erase(FullRefName(name)) == 0)
      return absl::NotFoundError("no ref " + name + " in " + ref.id);
    return absl::OkStatus();
  }

  absl::Status EditSettings(const RepoRef& ref, const std::function<void(RepoSettings&)>& edit) override {
    const std::scoped_lock lock(store_.mutex());
    Repo* repo = store_.Find(ref.kind, ref.id);
    if (repo == nullptr) return NoSuchRepo(ref);
    edit(repo->settings);
    return absl::OkStatus();
  }

  absl::StatusOr<RepoRef> Rename(const RepoRef& ref, const std::string& to) override {
    const std::scoped_lock lock(store_.mutex());
    if (absl::Status status = store_.Rename(ref.kind, ref.id, to); !status.ok()) return status;
    return RepoRef{.kind = ref.kind, .id = to};
  }

  void AddRedirect(RepoKind kind, const std::string& from, const std::string& to) override {
    const std::scoped_lock lock(store_.mutex());
    store_.AddAlias(kind, from, to);
  }

  absl::Status DeleteRepo(const RepoRef& ref) override {
    const std::scoped_lock lock(store_.mutex());
    return store_.Delete(ref.kind, ref.id);
  }

  void AddUser(User user) override {
    const std::scoped_lock lock(store_.mutex());
    store_.AddUser(std::move(user));
  }

  absl::Status LoadFolder(const fs::path& folder) override {
    const std::scoped_lock lock(store_.mutex());
    return LoadHubFolder(folder, options_.lfs_threshold_bytes, store_);
  }

  absl::StatusOr<FileFacts> Stat(const RepoRef& ref, const std::string& revision,
                                 const std::string& path) const override {
    const absl::StatusOr<Node> node = FindNode(ref, revision, path);
    if (!node.ok()) return node.status();
    return FileFacts{.size = node->size,
                     .is_lfs = node->is_lfs(),
                     .oid = Hex(node->oid),
                     .sha256 = Hex(node->sha256 ? *node->sha256 : DigestsOf(*node->content).sha256),
                     .etag = node->etag()};
  }

  absl::StatusOr<std::string> ReadFile(const RepoRef& ref, const std::string& revision,
                                       const std::string& path) const override {
    const absl::StatusOr<Node> node = FindNode(ref, revision, path);
    if (!node.ok()) return node.status();
    return ReadAll(*node->content);
  }

  absl::StatusOr<std::string> ResolveRevision(const RepoRef& ref,
                                              const std::string& revision) const override {
    const std::scoped_lock lock(store_.mutex());
    const Repo* repo = store_.Find(ref.kind, ref.id);
    if (repo == nullptr) return NoSuchRepo(ref);
    const Commit* commit = repo->Resolve(revision);
    if (commit == nullptr) return absl::NotFoundError("no revision " + revision + " in " + ref.id);
    return commit->id;
  }

  absl::StatusOr<std::string> ObjectId(const RepoRef& ref) const override {
    const std::scoped_lock lock(store_.mutex());
    const Repo* repo = store_.Find(ref.kind, ref.id);
    if (repo == nullptr) return NoSuchRepo(ref);
    return repo->object_id;
  }

  FaultHandle AddFault(FaultRule rule) override { return faults_.Add(std::move(rule)); }

  void ClearFaults() override { faults_.Clear(); }

  int FaultHits(FaultHandle handle) const override { return faults_.HitCount(handle); }

  std::map<std::uint64_t, int> fault_hits() const override { return faults_.HitCounts(); }

  void ResetRateLimits() override {
    limiter_.Reset();
    actions_.Reset();
  }

  std::vector<WindowUse> windows() const override { return limiter_.Windows(); }

  Log requests() const override { return recorder_.Snapshot(); }

  std::size_t CountRequests(const std::function<bool(const LoggedRequest&)>& is_counted) const override {
    return static_cast<std::size_t>(std::ranges::count_if(recorder_.Snapshot(), is_counted));
  }

  void ClearLog() override { recorder_.Clear(); }

  bool WaitFor(const std::function<bool(const Log&)>& is_true,
               std::chrono::milliseconds timeout) const override {
    return recorder_.WaitFor(is_true, timeout);
  }

  Stats stats() const override {
    Stats stats;
    stats.connections = hub_->connection_count() + cdn_->connection_count();
    for (const LoggedRequest& request : recorder_.Snapshot()) {
      const bool is_cdn = request.listener == Listener::kCdn;
      ++stats.requests;
      ++stats.by_bucket[is_cdn ? "cdn" : request.bucket];
      ++stats.by_status[request.status];
      if (request.status == 429) ++stats.refused_by_bucket[is_cdn ? "cdn" : request.bucket];
      (is_cdn ? stats.cdn_bytes_sent : stats.hub_bytes_sent) += request.body_bytes_sent;
      stats.bytes_received += request.body_bytes_received;
      if (is_cdn && request.authorization) ++stats.leaked_tokens;
    }
    return stats;
  }

  std::size_t leaked_tokens() const override { return stats().leaked_tokens; }

  void Stop() override { StopServers(); }

 private:
  static absl::Status NoSuchRepo(const RepoRef& ref) {
    return absl::NotFoundError(fmt::format("no {} {}", KindName(ref.kind), ref.id));
  }

  void StopServers() {
    stop_.Raise();
    hub_->Join();
    cdn_->Join();
  }

  // Hashes outside the store's lock: requests go on while a large file is being added.
  absl::StatusOr<TreeChange> Digest(const RepoRef& ref, const std::string& branch,
                                    const FileSet& files) const {
    std::string attributes;
    if (const auto sent = files.find(".gitattributes"); sent != files.end()) {
      const absl::StatusOr<ContentPtr> content = ContentFrom(sent->first, sent->second);
      if (content.ok()) attributes = ReadAll(**content);
    } else {
      const std::scoped_lock lock(store_.mutex());
      const Repo* repo = store_.Find(ref.kind, ref.id);
      const Commit* head = repo == nullptr ? nullptr : repo->Head(FullRefName(branch));
      if (head != nullptr) attributes = AttributesOf(*head->tree);
    }
    const LfsRule rule(attributes, options_.lfs_threshold_bytes);
    TreeChange change;
    for (const auto& [path, source] : files) {
      absl::StatusOr<ContentPtr> content = ContentFrom(path, source);
      if (!content.ok()) return content.status();
      change.files[path] = NodeFor(path, *std::move(content), rule);
    }
    return change;
  }

  absl::StatusOr<Node> FindNode(const RepoRef& ref, const std::string& revision,
                                const std::string& path) const {
    const std::scoped_lock lock(store_.mutex());
    const Repo* repo = store_.Find(ref.kind, ref.id);
    if (repo == nullptr) return NoSuchRepo(ref);
    const Commit* commit = repo->Resolve(revision);
    if (commit == nullptr) return absl::NotFoundError("no revision " + revision + " in " + ref.id);
    const auto entry = commit->tree->find(path);
    if (entry == commit->tree->end() || entry->second.is_directory) {
      return absl::NotFoundError("no file " + path + " in " + ref.id);
    }
    return entry->second;
  }

  const Options options_;
  const std::unique_ptr<SpoolFolder> spool_;
  mutable RepoStore store_;
  UploadArea uploads_;
  const LinkSigner signer_;
  RateLimiter limiter_;
  RateLimiter actions_;
  FaultBoard faults_;
  RequestRecorder recorder_;
  StopSignal stop_;
  const Site site_;
  HubHandler hub_handler_;
  CdnHandler cdn_handler_;
  const std::unique_ptr<HttpServer> hub_;
  const std::unique_ptr<HttpServer> cdn_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HubSim>> HubSim::Start(Options options) {
  absl::StatusOr<std::unique_ptr<SpoolFolder>> spool = SpoolFolder::Make(options.objects_folder);
  if (!spool.ok()) return spool.status();
  if (absl::Status status = (*spool)->Prepare(options.ready_bodies, options.ready_body_bytes); !status.ok())
    return status;
  absl::StatusOr<std::unique_ptr<HttpServer>> hub = HttpServer::Listen(Listener::kHub, options.hub_port);
  if (!hub.ok()) return hub.status();
  absl::StatusOr<std::unique_ptr<HttpServer>> cdn = HttpServer::Listen(Listener::kCdn, options.cdn_port);
  if (!cdn.ok()) return cdn.status();
  return std::make_unique<LoopbackHub>(std::move(options), *std::move(spool), *std::move(hub),
                                       *std::move(cdn));
}

std::string GeneratedBytes(std::string_view path, const Generated& what) {
  return ReadAll(**SampleContent(path, what.size, what.seed));
}

}  // namespace batuta::hubsim
