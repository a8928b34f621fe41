#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/hub/answers.h"
#include "daemon/hub/exchange.h"
#include "daemon/hub/file_source.h"
#include "daemon/hub/hub_client.h"
#include "daemon/hub/hub_urls.h"
#include "daemon/hub/redirect.h"
#include "daemon/hub/tree_walk.h"

namespace batuta::hub {
namespace {

constexpr size_t kMaxSearchPages = 100;

std::string NameOf(const RepoId& repo) {
  return fmt::format("{} {}", ToString(repo.type()), repo.id());
}

std::string NameOf(const RepoId& repo, const Revision& revision) {
  return fmt::format("{}@{}", NameOf(repo), revision.text());
}

// Hands a result to where callbacks run.
template <typename T>
void Deliver(TaskRunner& runner, Callback<T> done, absl::StatusOr<T> result) {
  runner.Post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

// Decodes an answer; errors name `what`.
template <typename Decode>
auto Decoded(const absl::StatusOr<Answer>& answer, std::string_view what, Decode decode)
    -> decltype(decode(std::string_view())) {
  if (!answer.ok()) return answer.status();
  auto value = decode(answer->body);
  if (!value.ok()) return Annotate(value.status(), what);
  return value;
}

// Collects the pages of one search until there are enough results.
class SearchWalk : public std::enable_shared_from_this<SearchWalk> {
 public:
  SearchWalk(const Wire& wire, const HubUrls& urls, SearchQuery query, const Access& access,
             absl::AnyInvocable<void(absl::StatusOr<std::vector<RepoSummary>>)> done)
      : wire_(wire), urls_(urls), query_(std::move(query)), access_(access), done_(std::move(done)) {}

  // The sort order has been checked.
  void Start(bool fields) {
    absl::StatusOr<std::string> url = urls_.Search(query_, fields);
    AskFor(*std::move(url), fields);
  }

 private:
  void AskFor(std::string url, bool may_simplify) {
    Question question{.url = std::move(url), .what = "search", .kind = Asked::Kind::kOther, .page = {}};
    Ask(wire_, std::move(question), access_,
        [self = shared_from_this(), may_simplify](const absl::StatusOr<Answer>& answer) {
          // Hubs that know fewer fields refuse to name any.
          if (may_simplify && absl::IsInvalidArgument(answer.status())) return self->Start(false);
          self->OnPage(answer);
        });
  }

  void OnPage(const absl::StatusOr<Answer>& answer) {
    const size_t missing = query_.limit - found_.size();
    auto page = Decoded(answer, "search",
                        [&](std::string_view text) { return DecodeSearchPage(query_.type, text, missing); });
    if (!page.ok()) return done_(page.status());
    std::move(page->begin(), page->end(), std::back_inserter(found_));
    absl::StatusOr<std::optional<std::string>> next = NextPage(wire_.endpoint, answer->url, answer->head);
    if (!next.ok()) return done_(Annotate(next.status(), "search"));
    if (found_.size() >= query_.limit || !next->has_value() || ++pages_ >= kMaxSearchPages) {
      return done_(std::move(found_));
    }
    AskFor(**std::move(next), false);
  }

  const Wire wire_;
  const HubUrls urls_;
  const SearchQuery query_;
  const Access access_;
  absl::AnyInvocable<void(absl::StatusOr<std::vector<RepoSummary>>)> done_;
  std::vector<RepoSummary> found_;
  size_t pages_ = 0;
};

class HttpHubClient final : public HubClient {
 public:
  HttpHubClient(std::string endpoint, transport::HttpTransport& http, TaskRunner& callbacks,
                const Clock& clock, std::chrono::milliseconds answer_timeout)
      : urls_(std::move(endpoint)),
        wire_{urls_.endpoint(), http, clock, answer_timeout},
        callbacks_(callbacks),
        knows_expand_(std::make_shared<std::atomic<bool>>(true)) {}

  void GetRepo(const RepoId& repo, const Revision& revision, const Access& access,
               Callback<RepoInfo> done) override {
    Ask(wire_, AboutRevision(urls_.Info(repo, revision), repo, revision), access,
        [&runner = callbacks_, type = repo.type(), what = NameOf(repo, revision),
         done = std::move(done)](const absl::StatusOr<Answer>& answer) mutable {
          Deliver(runner, std::move(done), Decoded(answer, what, [type](std::string_view text) {
                    return DecodeRepoInfo(type, text);
                  }));
        });
  }

  void ResolveRevision(const RepoId& repo, const Revision& revision, const Access& access,
                       Callback<CommitId> done) override {
    if (const std::optional<CommitId> commit = revision.AsCommit()) {
      return Deliver<CommitId>(callbacks_, std::move(done), *commit);
    }
    if (!*knows_expand_)
      return ResolveByInfo(wire_, urls_, callbacks_, repo, revision, access, std::move(done));
    Ask(wire_, AboutRevision(urls_.InfoWithCommitOnly(repo, revision), repo, revision), access,
        [wire = wire_, urls = urls_, &runner = callbacks_, knows_expand = knows_expand_, repo, revision,
         access, done = std::move(done)](const absl::StatusOr<Answer>& answer) mutable {
          if (absl::IsInvalidArgument(answer.status())) {
            auto learn = [knows_expand, done = std::move(done)](absl::StatusOr<CommitId> commit) mutable {
              if (commit.ok()) *knows_expand = false;  // else it was the revision that the hub refused
              done(std::move(commit));
            };
            return ResolveByInfo(wire, urls, runner, repo, revision, access, std::move(learn));
          }
          Deliver(runner, std::move(done), Decoded(answer, NameOf(repo, revision), DecodeCommit));
        });
  }

  void ListTree(const RepoId& repo, const CommitId& commit, const Access& access,
                Callback<Tree> done) override {
    const Revision revision = Revision::From(commit);
    WalkTree(wire_, AboutRevision(urls_.Tree(repo, commit), repo, revision), access, commit,
             [&runner = callbacks_, done = std::move(done)](absl::StatusOr<Tree> tree) mutable {
               Deliver(runner, std::move(done), std::move(tree));
             });
  }

  void Search(const SearchQuery& query, const Access& access,
              Callback<std::vector<RepoSummary>> done) override {
    const absl::StatusOr<std::string> url = urls_.Search(query, true);
    if (!url.ok()) return Deliver<std::vector<RepoSummary>>(callbacks_, std::move(done), url.status());
    std::make_shared<SearchWalk>(wire_, urls_, query, access,
                                 [&runner = callbacks_, done = std::move(done)](
                                     absl::StatusOr<std::vector<RepoSummary>> found) mutable {
                                   Deliver(runner, std::move(done), std::move(found));
                                 })
        ->Start(true);
  }

  void WhoAmI(const Access& access, Callback<Identity> done) override {
    if (access.token.empty()) {
      return Deliver<Identity>(callbacks_, std::move(done),
                               MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenMissing,
                                         "nobody is logged in: there is no token",
                                         "log in with `batuta hf login`, or set HF_TOKEN"));
    }
    Ask(wire_, Question{.url = urls_.WhoAmI(), .what = "whoami", .kind = Asked::Kind::kOther, .page = {}},
        access, [&runner = callbacks_, done = std::move(done)](const absl::StatusOr<Answer>& answer) mutable {
          Deliver(runner, std::move(done), Decoded(answer, "whoami", DecodeIdentity));
        });
  }

  std::shared_ptr<transport::RangeSource> OpenFile(const RepoId& repo, const CommitId& commit,
                                                   const Entry& entry, const Access& access) override {
    FileSpec spec{.commit = commit,
                  .entry = entry,
                  .url = urls_.File(repo, commit, entry.path),
                  .what = fmt::format("file {} of {}", Quoted(entry.path.text()), NameOf(repo)),
                  .page = urls_.Page(repo),
                  .access = access};
    return std::make_shared<FileSource>(wire_, callbacks_, std::move(spec));
  }

  const std::string& endpoint() const override { return urls_.endpoint(); }

 private:
  Question AboutRevision(std::string url, const RepoId& repo, const Revision& revision) const {
    return About(urls_, std::move(url), repo, revision);
  }

  static Question About(const HubUrls& urls, std::string url, const RepoId& repo, const Revision& revision) {
    return {.url = std::move(url),
            .what = NameOf(repo, revision),
            .kind = Asked::Kind::kRevision,
            .page = urls.Page(repo)};
  }

  static void ResolveByInfo(const Wire& wire, const HubUrls& urls, TaskRunner& runner, const RepoId& repo,
                            const Revision& revision, const Access& access, Callback<CommitId> done) {
    Ask(wire, About(urls, urls.Info(repo, revision), repo, revision), access,
        [&runner, what = NameOf(repo, revision),
         done = std::move(done)](const absl::StatusOr<Answer>& answer) mutable {
          Deliver(runner, std::move(done), Decoded(answer, what, DecodeCommit));
        });
  }

  const HubUrls urls_;
  const Wire wire_;
  TaskRunner& callbacks_;

  // Does this hub take `expand`? Shared with callbacks that may outlive the client.
  const std::shared_ptr<std::atomic<bool>> knows_expand_;
};

}  // namespace

std::unique_ptr<HubClient> MakeHubClient(std::string endpoint, transport::HttpTransport& http,
                                         TaskRunner& callbacks, const Clock& clock,
                                         std::chrono::milliseconds answer_timeout) {
  return std::make_unique<HttpHubClient>(std::move(endpoint), http, callbacks, clock, answer_timeout);
}

}  // namespace batuta::hub
