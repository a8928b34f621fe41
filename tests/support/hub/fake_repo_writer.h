#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/hub/repo_writer.h"
#include "tests/support/hub/fake_hub_client.h"

namespace batuta::hub {

// What becomes of a commit that is sent.
struct CommitFate {
  enum class Kind {
    kAnswered,  // made or refused, as the hub does
    kLost,      // the same, but the answer (`status`) says nothing of it
    kLate,      // reaches the hub only with ArriveLate(); the answer is `status`
    kRefused,   // `status`, and nothing is made
  };

  Kind kind = Kind::kAnswered;
  absl::Status status = {};
};

// FakeRepoWriter is a repo with branches in memory: a commit is made where its parent is what the branch
// stands at (or names none), and is refused otherwise. What is made shows in the tree that `hub` serves.
// Answers are posted to the runner. What is not here is answered with kUnimplemented.
class FakeRepoWriter final : public RepoWriter {
 public:
  // Both outlive it.
  FakeRepoWriter(FakeHubClient& hub, TaskRunner& callbacks) : hub_(hub), callbacks_(callbacks) {}

  // The next commits, in order; then all are answered.
  void Fate(CommitFate fate) { fates_.push_back(std::move(fate)); }

  // The next questions for the history end so.
  void FailHistory(absl::Status status) { history_failures_.push_back(std::move(status)); }

  // The next question for the history is answered with what stood before the latest commit.
  void LagOnce() { ++lags_; }

  // Those that are late reach the hub now.
  void ArriveLate();

  // Somebody else's.
  CommitId CommitOfOthers(const RepoId& repo, const Revision& branch, const std::string& title,
                          const std::map<std::string, std::string>& blobs = {});

  const std::vector<CommitTitle>& history(const Revision& branch) { return histories_[branch]; }

  size_t commits_sent() const { return commits_sent_; }

  size_t history_questions() const { return history_questions_; }

  // Called when a commit is sent, before it takes effect; may be empty.
  std::function<void()> on_commit = {};

  void CreateRepo(const NewRepo& repo, const Access& access, Callback<CreatedRepo> done) override;
  void CreateBranch(const RepoId& repo, const Revision& branch, const std::optional<CommitId>& from,
                    const Access& access, Callback<bool> done) override;
  void CheckCard(RepoType type, const std::string& text, const Access& access,
                 Callback<CardCheck> done) override;
  void Preupload(const RepoId& repo, const Revision& branch, bool for_pull_request,
                 const std::vector<PreuploadFile>& files, const std::string& git_ignore, const Access& access,
                 Callback<std::vector<PreuploadAnswer>> done) override;
  void BeginUploads(const RepoId& repo, const std::optional<Revision>& branch,
                    const std::vector<LfsObject>& objects, const Access& access,
                    Callback<std::vector<LfsUpload>> done) override;
  void CompleteUpload(const LfsUpload& upload, const std::vector<StoredPart>& parts, const Access& access,
                      Callback<bool> done) override;
  void VerifyUpload(const LfsUpload& upload, const Access& access, Callback<bool> done) override;
  void Commit(std::shared_ptr<const CommitRequest> commit, const Access& access,
              Callback<CommitResult> done) override;
  void OpenPullRequest(const RepoId& repo, const std::string& title, const std::string& description,
                       const Access& access, Callback<PullRequest> done) override;
  void ListCommits(const RepoId& repo, const Revision& branch, size_t limit, const Access& access,
                   Callback<std::vector<CommitTitle>> done) override;

 private:
  template <typename T>
  void Answer(Callback<T> done, absl::StatusOr<T> answer);

  absl::StatusOr<CommitResult> Take(const CommitRequest& commit);
  CommitId Add(const RepoId& repo, const Revision& branch, const std::string& title);

  FakeHubClient& hub_;
  TaskRunner& callbacks_;
  std::deque<CommitFate> fates_;
  std::deque<absl::Status> history_failures_;
  std::vector<std::shared_ptr<const CommitRequest>> late_;
  std::map<Revision, std::vector<CommitTitle>> histories_;        // newest first
  std::map<Revision, std::map<std::string, std::string>> blobs_;  // by path
  size_t commits_sent_ = 0;
  size_t history_questions_ = 0;
  size_t lags_ = 0;
  size_t next_commit_ = 1;
};

}  // namespace batuta::hub
