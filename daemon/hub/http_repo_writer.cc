#include <memory>
#include <utility>

#include <fmt/core.h>

#include "common/status/status.h"
#include "daemon/hub/asker.h"
#include "daemon/hub/commit_body.h"
#include "daemon/hub/hub_urls.h"
#include "daemon/hub/repo_writer.h"
#include "daemon/hub/write_answers.h"
#include "daemon/transport/header_fields.h"

namespace batuta::hub {

namespace {

constexpr std::string_view kLfsType = "application/vnd.git-lfs+json";
constexpr std::string_view kLinesType = "application/x-ndjson";
constexpr std::string_view kInProgress = "in progress";

std::string NameOf(const RepoId& repo) {
  return fmt::format("{} {}", ToString(repo.type()), repo.id());
}

class HttpRepoWriter final : public RepoWriter {
 public:
  HttpRepoWriter(std::string endpoint, Asker& asker, TaskRunner& callbacks)
      : urls_(std::move(endpoint)), asker_(asker), callbacks_(callbacks) {}

  void CreateRepo(const NewRepo& repo, const Access& access, Callback<CreatedRepo> done) override {
    const std::string page = urls_.Page(repo.repo);
    Send<CreatedRepo>(
        Change(urls_.CreateRepo(), NameOf(repo.repo), EncodeNewRepo(repo)), access,
        [endpoint = urls_.endpoint()](const Answer& answer) {
          return DecodeCreatedRepo(endpoint, answer.body);
        },
        [page, done = std::move(done)](absl::StatusOr<CreatedRepo> created) mutable {
          if (created.ok() && created->url.empty()) created->url = page;
          if (!absl::IsAlreadyExists(created.status())) return done(std::move(created));
          // The same status says that somebody is making it at this moment.
          if (MessageOf(created.status()).find(kInProgress) != std::string_view::npos) {
            return done(MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable,
                                  std::string(MessageOf(created.status()))));
          }
          done(CreatedRepo{.url = page, .existed = true});
        });
  }

  void CreateBranch(const RepoId& repo, const Revision& branch, const std::optional<CommitId>& from,
                    const Access& access, Callback<bool> done) override {
    const std::string body = from ? fmt::format(R"({{"startingPoint":"{}"}})", from->hex()) : "{}";
    Send<bool>(
        Change(urls_.CreateBranch(repo, branch), About(repo, branch), body), access,
        [](const Answer&) -> absl::StatusOr<bool> { return true; },
        [done = std::move(done)](absl::StatusOr<bool> made) mutable {
          if (absl::IsAlreadyExists(made.status())) return done(true);
          done(std::move(made));
        });
  }

  void CheckCard(RepoType type, const std::string& text, const Access& access,
                 Callback<hub::CardCheck> done) override {
    Question question{.url = urls_.CheckCard(), .what = "the card", .body = EncodeCard(type, text)};
    question.is_doubted = true;
    Send<hub::CardCheck>(
        std::move(question), access, [](const Answer& answer) { return DecodeCardCheck(answer.body); },
        [done = std::move(done)](absl::StatusOr<hub::CardCheck> check) mutable {
          // Errors come as a refusal.
          if (!absl::IsInvalidArgument(check.status())) return done(std::move(check));
          done(hub::CardCheck{.errors = {std::string(MessageOf(check.status()))}});
        });
  }

  void Preupload(const RepoId& repo, const Revision& branch, bool for_pull_request,
                 const std::vector<PreuploadFile>& files, const std::string& git_ignore, const Access& access,
                 Callback<std::vector<PreuploadAnswer>> done) override {
    Question question = Change(urls_.Preupload(repo, branch, for_pull_request), About(repo, branch),
                               EncodePreupload(files, git_ignore));
    question.kind = Asked::Kind::kRevision;
    std::vector<PreuploadFile> asked = files;
    for (PreuploadFile& file : asked) file.sample.clear();
    Send<std::vector<PreuploadAnswer>>(
        std::move(question), access,
        [asked = std::move(asked)](const Answer& answer) { return DecodePreupload(asked, answer.body); },
        std::move(done));
  }

  void BeginUploads(const RepoId& repo, const std::optional<Revision>& branch,
                    const std::vector<LfsObject>& objects, const Access& access,
                    Callback<std::vector<LfsUpload>> done) override {
    Question question = Change(urls_.LfsBatch(repo), NameOf(repo), EncodeBatch(branch, objects));
    question.kind = Asked::Kind::kRepo;
    question.content_type = question.accept = kLfsType;
    Send<std::vector<LfsUpload>>(
        std::move(question), access,
        [objects, endpoint = urls_.endpoint()](const Answer& answer) {
          return DecodeBatch(objects, endpoint, answer.body);
        },
        std::move(done));
  }

  void CompleteUpload(const LfsUpload& upload, const std::vector<StoredPart>& parts, const Access& access,
                      Callback<bool> done) override {
    Tell(upload.upload, EncodeCompletion(upload.object, parts), "joining the parts of an upload", access,
         std::move(done));
  }

  void VerifyUpload(const LfsUpload& upload, const Access& access, Callback<bool> done) override {
    if (!upload.verify) return callbacks_.Post([done = std::move(done)]() mutable { done(true); });
    Tell(*upload.verify, EncodeVerify(upload.object), "telling of an upload", access, std::move(done));
  }

  void Commit(std::shared_ptr<const CommitRequest> commit, const Access& access,
              Callback<CommitResult> done) override {
    Question question =
        Change(urls_.Commit(commit->repo, commit->branch), About(commit->repo, commit->branch), "");
    question.kind = Asked::Kind::kRevision;
    question.content_type = kLinesType;
    question.make_body = [commit] { return std::make_shared<CommitBody>(commit); };
    Send<CommitResult>(
        std::move(question), access,
        [endpoint = urls_.endpoint()](const Answer& answer) { return DecodeCommit(endpoint, answer.body); },
        std::move(done));
  }

  void OpenPullRequest(const RepoId& repo, const std::string& title, const std::string& description,
                       const Access& access, Callback<PullRequest> done) override {
    Question question = Change(urls_.Discussions(repo), NameOf(repo), EncodePullRequest(title, description));
    question.kind = Asked::Kind::kRepo;
    Send<PullRequest>(
        std::move(question), access,
        [page = urls_.Page(repo)](const Answer& answer) { return DecodePullRequest(page, answer.body); },
        std::move(done));
  }

  void ListCommits(const RepoId& repo, const Revision& branch, size_t limit, const Access& access,
                   Callback<std::vector<CommitTitle>> done) override {
    Question question{.url = urls_.Commits(repo, branch, limit),
                      .what = About(repo, branch),
                      .kind = Asked::Kind::kRevision};
    Send<std::vector<CommitTitle>>(
        std::move(question), access,
        [limit](const Answer& answer) { return DecodeCommits(answer.body, limit); }, std::move(done));
  }

 private:
  static std::string About(const RepoId& repo, const Revision& branch) {
    return fmt::format("{}@{}", NameOf(repo), branch.text());
  }

  static bool Is(const transport::HttpHeader& header, std::string_view name) {
    return transport::EqualsIgnoreCase(header.name, name);
  }

  static Question Change(std::string url, std::string what, std::string body) {
    Question question{.url = std::move(url), .what = std::move(what), .body = std::move(body)};
    question.is_change = true;
    question.is_doubted = true;  // what makes no sense may have been done: it is not sent again
    return question;
  }

  void Tell(const LfsLink& link, std::string body, std::string what, Access access, Callback<bool> done) {
    Question question = Change(link.url, std::move(what), std::move(body));
    question.content_type = question.accept = kLfsType;
    for (const transport::HttpHeader& header : link.headers) {
      if (Is(header, "Content-Type") || Is(header, "Accept")) continue;
      if (Is(header, "Authorization")) access.token = Secret();  // the link brings its own
      question.headers.push_back(header);
    }
    Send<bool>(
        std::move(question), access, [](const Answer&) -> absl::StatusOr<bool> { return true; },
        std::move(done));
  }

  template <typename T, typename Read>
  void Send(Question question, const Access& access, Read read, Callback<T> done) {
    AskAndRead<T>(asker_, std::move(question), access, std::move(read),
                  [&runner = callbacks_, done = std::move(done)](Reading<T> reading) mutable {
                    runner.Post([done = std::move(done), value = std::move(reading.value)]() mutable {
                      done(std::move(value));
                    });
                  });
  }

  const HubUrls urls_;
  Asker& asker_;
  TaskRunner& callbacks_;
};

}  // namespace

std::unique_ptr<RepoWriter> MakeRepoWriter(std::string endpoint, Asker& asker, TaskRunner& callbacks) {
  return std::make_unique<HttpRepoWriter>(std::move(endpoint), asker, callbacks);
}

}  // namespace batuta::hub
