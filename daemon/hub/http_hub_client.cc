#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/hub/answers.h"
#include "daemon/hub/asker.h"
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

// Hands what was made of an answer to where callbacks run.
template <typename T>
void Deliver(TaskRunner& runner, const Access& access, Callback<T> done, Reading<T> reading) {
  runner.Post(
      [on_remembered = access.on_remembered, done = std::move(done), reading = std::move(reading)]() mutable {
        if (reading.remembered_since && on_remembered) on_remembered(*reading.remembered_since);
        done(std::move(reading.value));
      });
}

// Collects the pages of one search until there are enough results.
class SearchWalk : public std::enable_shared_from_this<SearchWalk> {
 public:
  using Found = std::vector<RepoSummary>;

  SearchWalk(Asker& asker, const HubUrls& urls, SearchQuery query, const Access& access,
             absl::AnyInvocable<void(Reading<Found>)> done)
      : asker_(asker), urls_(urls), query_(std::move(query)), access_(access), done_(std::move(done)) {}

  // The sort order has been checked.
  void Start(bool fields) {
    absl::StatusOr<std::string> url = urls_.Search(query_, fields);
    AskFor(*std::move(url), fields);
  }

 private:
  struct Page {
    Found found;
    std::optional<std::string> next;
  };

  void AskFor(std::string url, bool may_simplify) {
    Question question{.url = std::move(url), .what = "search", .subject = Subject::kSearch};
    AskAndRead<Page>(
        asker_, std::move(question), access_,
        [self = shared_from_this()](const Answer& answer) { return self->ReadPage(answer); },
        [self = shared_from_this(), may_simplify](Reading<Page> page) {
          // Hubs that know fewer fields refuse to name any.
          if (may_simplify && absl::IsInvalidArgument(page.value.status())) return self->Start(false);
          self->OnPage(std::move(page));
        });
  }

  absl::StatusOr<Page> ReadPage(const Answer& answer) const {
    ASSIGN_OR_RETURN(Found found, DecodeSearchPage(query_.type, answer.body, query_.limit - found_.size()));
    ASSIGN_OR_RETURN(std::optional<std::string> next, NextPage(urls_.endpoint(), answer.url, answer.head));
    return Page{std::move(found), std::move(next)};
  }

  void OnPage(Reading<Page> page) {
    if (!page.value.ok()) return done_({page.value.status(), std::nullopt});
    if (page.remembered_since) {
      remembered_since_ = std::min(*page.remembered_since, remembered_since_.value_or(WallTime::max()));
    }
    std::move(page.value->found.begin(), page.value->found.end(), std::back_inserter(found_));
    if (found_.size() >= query_.limit || !page.value->next || ++pages_ >= kMaxSearchPages) {
      return done_({std::move(found_), remembered_since_});
    }
    AskFor(*std::move(page.value->next), false);
  }

  Asker& asker_;
  const HubUrls urls_;
  const SearchQuery query_;
  const Access access_;
  absl::AnyInvocable<void(Reading<Found>)> done_;
  Found found_;
  std::optional<WallTime> remembered_since_;
  size_t pages_ = 0;
};

using OnNews = std::function<void(const RepoNews&)>;

// Tells whoever wants to know of every answer, and whoever asked.
OnNews ToBoth(const OnNews& everybody, const Access& access) {
  return [everybody, asker = access.on_news](const RepoNews& news) {
    if (everybody) everybody(news);
    if (asker) asker(news);
  };
}

class HttpHubClient final : public HubClient {
 public:
  HttpHubClient(std::string endpoint, Asker& asker, transport::HttpTransport& http, TaskRunner& callbacks,
                const Clock& clock, std::chrono::milliseconds answer_timeout, OnNews on_news)
      : urls_(std::move(endpoint)),
        asker_(asker),
        wire_{urls_.endpoint(), http, clock, answer_timeout},
        callbacks_(callbacks),
        on_news_(std::move(on_news)),
        knows_expand_(std::make_shared<std::atomic<bool>>(true)) {}

  void GetRepo(const RepoId& repo, const Revision& revision, const Access& access,
               Callback<RepoInfo> done) override {
    Question plain = About(urls_, urls_.PlainInfo(repo, revision), repo, revision);
    Question question = plain;
    question.url = urls_.Info(repo, revision);
    const auto read = InfoReader(repo, ToBoth(on_news_, access));
    const bool is_plain = question.url == plain.url;
    AskAndRead<RepoInfo>(
        asker_, std::move(question), access, read,
        [&asker = asker_, plain = std::move(plain), access, read, is_plain,
         done = To<RepoInfo>(callbacks_, access, std::move(done))](Reading<RepoInfo> info) mutable {
          const bool is_too_much = absl::IsInvalidArgument(info.value.status()) && !is_plain;
          if (!is_too_much) return done(std::move(info));
          AskAndRead<RepoInfo>(asker, std::move(plain), access, read, std::move(done));
        });
  }

  void GetScan(const RepoId& repo, const CommitId& commit, const std::vector<std::string>& paths,
               const Access& access, Callback<std::vector<ScanIssue>> done) override {
    using Issues = std::vector<ScanIssue>;
    const Revision revision = Revision::From(commit);
    Question question = About(urls_, urls_.Info(repo, revision), repo, revision);
    question.subject = Subject::kRevision;  // scans end after the commit was made
    if (repo.type() == RepoType::kModel) {
      return AskAndRead<Issues>(
          asker_, std::move(question), access,
          [read =
               InfoReader(repo, ToBoth(on_news_, access))](const Answer& answer) -> absl::StatusOr<Issues> {
            ASSIGN_OR_RETURN(RepoInfo info, read(answer));
            return std::move(info.scan_issues);
          },
          To<Issues>(callbacks_, access, std::move(done)));
    }
    question.url = urls_.PathsInfo(repo, commit);
    question.body = EncodePathsQuestion(paths);
    AskAndRead<Issues>(
        asker_, std::move(question), access,
        [](const Answer& answer) { return DecodePathsAnswer(answer.body); },
        To<Issues>(callbacks_, access, std::move(done)));
  }

  void ResolveRevision(const RepoId& repo, const Revision& revision, const Access& access,
                       Callback<CommitId> done) override {
    if (const std::optional<CommitId> commit = revision.AsCommit()) {
      return Deliver<CommitId>(callbacks_, access, std::move(done), {*commit, std::nullopt});
    }
    if (!*knows_expand_) {
      return ResolveByInfo(asker_, urls_, repo, revision, access, ToBoth(on_news_, access),
                           To<CommitId>(callbacks_, access, std::move(done)));
    }
    Question question = About(urls_, urls_.BriefInfo(repo, revision), repo, revision);
    question.wider_url = urls_.Info(repo, revision);
    AskAndRead<CommitId>(
        asker_, std::move(question), access, CommitReader(repo, ToBoth(on_news_, access)),
        [&asker = asker_, urls = urls_, on_news = ToBoth(on_news_, access), knows_expand = knows_expand_,
         repo, revision, access,
         done = To<CommitId>(callbacks_, access, std::move(done))](Reading<CommitId> commit) mutable {
          if (!absl::IsInvalidArgument(commit.value.status())) return done(std::move(commit));
          auto learn = [knows_expand, done = std::move(done)](Reading<CommitId> plainly) mutable {
            if (plainly.value.ok()) *knows_expand = false;  // else it was the revision that the hub refused
            done(std::move(plainly));
          };
          ResolveByInfo(asker, urls, repo, revision, access, on_news, std::move(learn));
        });
  }

  void ListTree(const RepoId& repo, const CommitId& commit, const Access& access,
                Callback<Tree> done) override {
    Question first = About(urls_, urls_.Tree(repo, commit), repo, Revision::From(commit));
    first.subject = Subject::kTree;
    WalkTree(asker_, urls_.endpoint(), std::move(first), access, commit,
             [&runner = callbacks_, access, done = std::move(done)](absl::StatusOr<Tree> tree) mutable {
               Deliver<Tree>(runner, access, std::move(done), {std::move(tree), std::nullopt});
             });
  }

  void Search(const SearchQuery& query, const Access& access,
              Callback<std::vector<RepoSummary>> done) override {
    using Found = std::vector<RepoSummary>;
    const absl::StatusOr<std::string> url = urls_.Search(query, true);
    if (!url.ok()) {
      return Deliver<Found>(callbacks_, access, std::move(done), {url.status(), std::nullopt});
    }
    std::make_shared<SearchWalk>(asker_, urls_, query, access, To<Found>(callbacks_, access, std::move(done)))
        ->Start(true);
  }

  void WhoAmI(const Access& access, Callback<Identity> done) override {
    if (access.token.empty()) {
      return Deliver<Identity>(callbacks_, access, std::move(done),
                               {MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenMissing,
                                          "nobody is logged in: there is no token",
                                          "log in with `batuta hf login`, or set HF_TOKEN"),
                                std::nullopt});
    }
    AskAndRead<Identity>(
        asker_, Question{.url = urls_.WhoAmI(), .what = "whoami", .subject = Subject::kIdentity}, access,
        [](const Answer& answer) { return DecodeIdentity(answer.body); },
        To<Identity>(callbacks_, access, std::move(done)));
  }

  void CheckAccess(const RepoId& repo, const Access& access, Callback<bool> done) override {
    Access anew = access;
    anew.memory = Memory::kRenew;
    AskAndRead<bool>(
        asker_,
        Question{.url = urls_.AuthCheck(repo),
                 .what = fmt::format("access to {}", NameOf(repo)),
                 .kind = Asked::Kind::kRepo,
                 .page = urls_.Page(repo),
                 .subject = Subject::kIdentity},
        anew, [](const Answer&) { return true; }, To<bool>(callbacks_, access, std::move(done)));
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
  template <typename T>
  using ReadingDone = absl::AnyInvocable<void(Reading<T>)>;

  // Takes a reading to where callbacks run.
  template <typename T>
  static ReadingDone<T> To(TaskRunner& runner, const Access& access, Callback<T> done) {
    return [&runner, access, done = std::move(done)](Reading<T> reading) mutable {
      Deliver<T>(runner, access, std::move(done), std::move(reading));
    };
  }

  static Question About(const HubUrls& urls, std::string url, const RepoId& repo, const Revision& revision) {
    return {.url = std::move(url),
            .what = NameOf(repo, revision),
            .kind = Asked::Kind::kRevision,
            .page = urls.Page(repo),
            .subject = revision.AsCommit() ? Subject::kCommit : Subject::kRevision};
  }

  static std::function<absl::StatusOr<RepoInfo>(const Answer&)> InfoReader(const RepoId& repo,
                                                                           const OnNews& on_news) {
    return [repo, on_news](const Answer& answer) -> absl::StatusOr<RepoInfo> {
      ASSIGN_OR_RETURN(RepoInfo info, DecodeRepoInfo(repo.type(), answer.body));
      on_news({repo, info.summary.repo, info.summary.tags, info.hub_id, info.summary.created});
      return info;
    };
  }

  // Reads the commit from any answer about a revision of `repo`.
  static std::function<absl::StatusOr<CommitId>(const Answer&)> CommitReader(const RepoId& repo,
                                                                             const OnNews& on_news) {
    return [repo, on_news](const Answer& answer) -> absl::StatusOr<CommitId> {
      ASSIGN_OR_RETURN(BriefInfo info, DecodeBriefInfo(repo.type(), answer.body));
      if (info.repo) on_news({repo, *info.repo, std::move(info.tags), std::move(info.hub_id), info.created});
      return std::move(info.commit);
    };
  }

  static void ResolveByInfo(Asker& asker, const HubUrls& urls, const RepoId& repo, const Revision& revision,
                            const Access& access, const OnNews& on_news, ReadingDone<CommitId> done) {
    AskAndRead<CommitId>(asker, About(urls, urls.PlainInfo(repo, revision), repo, revision), access,
                         CommitReader(repo, on_news), std::move(done));
  }

  const HubUrls urls_;
  Asker& asker_;
  const Wire wire_;  // of files
  TaskRunner& callbacks_;
  const OnNews on_news_;

  // Does this hub take `expand`? Shared with callbacks that may outlive the client.
  const std::shared_ptr<std::atomic<bool>> knows_expand_;
};

}  // namespace

std::unique_ptr<HubClient> MakeHubClient(std::string endpoint, Asker& asker, transport::HttpTransport& http,
                                         TaskRunner& callbacks, const Clock& clock,
                                         std::chrono::milliseconds answer_timeout,
                                         std::function<void(const RepoNews&)> on_news) {
  return std::make_unique<HttpHubClient>(std::move(endpoint), asker, http, callbacks, clock, answer_timeout,
                                         std::move(on_news));
}

}  // namespace batuta::hub
