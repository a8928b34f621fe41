#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "common/sync/mutex.h"
#include "daemon/hub/hub_client.h"

namespace batuta::hub {

// HeldHub is a hub that answers when the test says so. Thread-safe; answers come on the runner.
class HeldHub final : public HubClient {
 public:
  explicit HeldHub(TaskRunner& callbacks) : callbacks_(callbacks) {}

  // What the next good answers hold.
  void SetTree(Tree tree);
  void SetFound(std::vector<RepoSummary> found);

  // The next good answers are remembered ones: the hub said them then.
  void SetRememberedSince(WallTime time);

  // False when there were not so many questions, answered or not, within half a minute.
  bool WaitForQuestions(size_t count);

  // Answers the oldest question: well, or with this error. False when none is open.
  bool Answer(const absl::Status& status = absl::OkStatus());

  size_t questions() const;
  Access last_access() const;

  // HubClient:
  void GetRepo(const RepoId& repo, const Revision& revision, const Access& access,
               Callback<RepoInfo> done) override;
  void ResolveRevision(const RepoId& repo, const Revision& revision, const Access& access,
                       Callback<CommitId> done) override;
  void ListTree(const RepoId& repo, const CommitId& commit, const Access& access,
                Callback<Tree> done) override;

  // Answers at once, and is not counted: nobody has anything against anything.
  void GetScan(const RepoId& repo, const CommitId& commit, const std::vector<std::string>& paths,
               const Access& access, Callback<std::vector<ScanIssue>> done) override;
  void Search(const SearchQuery& query, const Access& access,
              Callback<std::vector<RepoSummary>> done) override;
  void WhoAmI(const Access& access, Callback<Identity> done) override;
  void CheckAccess(const RepoId& repo, const Access& access, Callback<bool> done) override;
  std::shared_ptr<transport::RangeSource> OpenFile(const RepoId& repo, const CommitId& commit,
                                                   const Entry& entry, const Access& access) override;

  const std::string& endpoint() const override { return endpoint_; }

 private:
  using Reply = absl::AnyInvocable<void(const absl::Status&)>;

  // `make` gives the good answer.
  template <typename T, typename Make>
  void Hold(const Access& access, Callback<T> done, Make make);

  TaskRunner& callbacks_;
  const std::string endpoint_ = "https://hub.test";
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Reply> open_ ABSL_GUARDED_BY(mutex_);
  size_t questions_ ABSL_GUARDED_BY(mutex_) = 0;
  Access last_access_ ABSL_GUARDED_BY(mutex_);
  Tree tree_ ABSL_GUARDED_BY(mutex_){CommitId::Parse(std::string(40, 'a')).value(), {}};
  std::optional<WallTime> remembered_since_ ABSL_GUARDED_BY(mutex_);
  std::vector<RepoSummary> found_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::hub
