#include "tests/support/hub/fake_hub_client.h"

#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::hub {

namespace {

absl::Status NotFound(std::string_view reason) {
  return MakeError(absl::StatusCode::kNotFound, reason, "the fake hub has no such thing");
}

std::string Name(const RepoId& repo) {
  return fmt::format("{}/{}", ToString(repo.type()), repo.id());
}

// A source that nobody is expected to read: the fake transfers make the bytes.
class NoSource final : public transport::RangeSource {
 public:
  transport::CallId Fetch(transport::ByteRange, std::shared_ptr<transport::RangeHandler> handler) override {
    handler->OnDone(absl::UnimplementedError("the fake hub serves no bytes"));
    return 0;
  }

  void Cancel(transport::CallId) override {}

  void Resume(transport::CallId) override {}
};

}  // namespace

void FakeHubClient::Serve(const RepoId& repo, const Revision& revision, Tree tree) {
  const CommitId commit = tree.commit;
  revisions_.insert_or_assign({repo, revision}, commit);
  trees_.insert_or_assign({repo, commit}, std::move(tree));
}

absl::Status FakeHubClient::Record(std::string asked, const Access& access) {
  asked_.push_back(std::move(asked));
  last_access_ = access;
  if (failures_.empty()) return absl::OkStatus();
  absl::Status failure = failures_.front();
  failures_.pop_front();
  return failure;
}

void FakeHubClient::Describe(RepoInfo info) {
  const RepoId repo = info.summary.repo;
  infos_.insert_or_assign(repo, std::move(info));
}

void FakeHubClient::Tell(const RepoId& repo, const Access& access) const {
  const auto info = infos_.find(repo);
  if (info == infos_.end() || !access.on_news) return;
  access.on_news({repo, info->second.summary.repo, info->second.summary.tags, info->second.hub_id,
                  info->second.summary.created});
}

void FakeHubClient::GetRepo(const RepoId& repo, const Revision& revision, const Access& access,
                            Callback<RepoInfo> done) {
  const absl::Status failure = Record(fmt::format("info {} {}", Name(repo), revision.text()), access);
  const auto found = revisions_.find({repo, revision});
  absl::StatusOr<RepoInfo> answer = NotFound(reason::kRepoNotFound);
  if (found != revisions_.end()) {
    const auto info = infos_.find(repo);
    answer =
        info != infos_.end() ? info->second : RepoInfo{.summary = {.repo = repo}, .commit = found->second};
    answer->commit = found->second;
    Tell(repo, access);
  }
  if (!failure.ok()) answer = failure;
  callbacks_.Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void FakeHubClient::ResolveRevision(const RepoId& repo, const Revision& revision, const Access& access,
                                    Callback<CommitId> done) {
  const absl::Status failure = Record(fmt::format("resolve {} {}", Name(repo), revision.text()), access);
  const auto found = revisions_.find({repo, revision});
  absl::StatusOr<CommitId> answer = NotFound(reason::kRevisionNotFound);
  if (found != revisions_.end()) {
    answer = found->second;
    Tell(repo, access);
  }
  if (!failure.ok()) answer = failure;
  callbacks_.Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void FakeHubClient::ListTree(const RepoId& repo, const CommitId& commit, const Access& access,
                             Callback<Tree> done) {
  const absl::Status failure = Record(fmt::format("tree {} {}", Name(repo), commit.hex()), access);
  const auto found = trees_.find({repo, commit});
  absl::StatusOr<Tree> answer = NotFound(reason::kRevisionNotFound);
  if (found != trees_.end()) answer = found->second;
  if (!failure.ok()) answer = failure;
  callbacks_.Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void FakeHubClient::GetScan(const RepoId& repo, const CommitId& commit, const std::vector<std::string>& paths,
                            const Access& access, Callback<std::vector<ScanIssue>> done) {
  const absl::Status failure = Record(fmt::format("scan {} {}", Name(repo), commit.hex()), access);
  last_scanned_ = paths;
  absl::StatusOr<std::vector<ScanIssue>> answer = scans_[repo];
  if (!failure.ok()) answer = failure;
  callbacks_.Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void FakeHubClient::Search(const SearchQuery& query, const Access& access,
                           Callback<std::vector<RepoSummary>> done) {
  const absl::Status failure = Record(fmt::format("search {}", query.text), access);
  absl::StatusOr<std::vector<RepoSummary>> answer = std::vector<RepoSummary>();
  for (const std::string& tag : query.tags) answer = searches_[tag];
  if (!failure.ok()) answer = failure;
  callbacks_.Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void FakeHubClient::WhoAmI(const Access& access, Callback<Identity> done) {
  const absl::Status failure = Record("whoami", access);
  absl::StatusOr<Identity> answer = Identity{.name = "mira"};
  if (!failure.ok()) answer = failure;
  callbacks_.Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void FakeHubClient::CheckAccess(const RepoId& repo, const Access& access, Callback<bool> done) {
  const absl::Status failure = Record(fmt::format("access {}", Name(repo)), access);
  absl::StatusOr<bool> answer = true;
  if (!failure.ok()) answer = failure;
  callbacks_.Post([done = std::move(done), answer = std::move(answer)]() mutable { done(answer); });
}

std::shared_ptr<transport::RangeSource> FakeHubClient::OpenFile(const RepoId& repo,
                                                                const CommitId& /*commit*/,
                                                                const Entry& entry, const Access& access) {
  asked_.push_back(fmt::format("open {} {}", Name(repo), entry.path.text()));
  last_access_ = access;
  const auto served = sources_.find(entry.blob);
  if (served != sources_.end()) return served->second;
  return std::make_shared<NoSource>();
}

}  // namespace batuta::hub
