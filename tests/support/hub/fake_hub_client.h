#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/hub/hub_client.h"

namespace batuta::hub {

// FakeHubClient is a hub in memory: trees by repo and revision, refusals on request, and a record of what was
// asked. Answers are posted to the runner, as the real client's are.
class FakeHubClient final : public HubClient {
 public:
  explicit FakeHubClient(TaskRunner& callbacks) : callbacks_(callbacks) {}

  // `revision` of `repo` points to `tree.commit` from now on.
  void Serve(const RepoId& repo, const Revision& revision, Tree tree);

  // What the hub says of that repo, beside the commit, from now on.
  void Describe(RepoInfo info);

  // What the hub's scanners have against files of that repo, from now on.
  void Accuse(const RepoId& repo, std::vector<ScanIssue> issues) { scans_[repo] = std::move(issues); }

  // The paths of the latest question for that.
  const std::vector<std::string>& last_scanned() const { return last_scanned_; }

  // The next call of any kind ends with `status`; several are used in order.
  void FailNext(absl::Status status) { failures_.push_back(std::move(status)); }

  // What was asked, e.g. "resolve model/acme/otter main", "tree model/acme/otter 3f1c…", "open
  // model/acme/otter config.json".
  const std::vector<std::string>& asked() const { return asked_; }

  // What a search for repos with that tag finds from now on.
  void ServeSearch(const std::string& tag, std::vector<RepoSummary> found) {
    searches_[tag] = std::move(found);
  }

  // In whose name the latest call was.
  const Access& last_access() const { return last_access_; }

  void GetRepo(const RepoId& repo, const Revision& revision, const Access& access,
               Callback<RepoInfo> done) override;
  void ResolveRevision(const RepoId& repo, const Revision& revision, const Access& access,
                       Callback<CommitId> done) override;
  void ListTree(const RepoId& repo, const CommitId& commit, const Access& access,
                Callback<Tree> done) override;
  void GetScan(const RepoId& repo, const CommitId& commit, const std::vector<std::string>& paths,
               const Access& access, Callback<std::vector<ScanIssue>> done) override;
  void Search(const SearchQuery& query, const Access& access,
              Callback<std::vector<RepoSummary>> done) override;
  void WhoAmI(const Access& access, Callback<Identity> done) override;
  void CheckAccess(const RepoId& repo, const Access& access, Callback<bool> done) override;
  std::shared_ptr<transport::RangeSource> OpenFile(const RepoId& repo, const CommitId& commit,
                                                   const Entry& entry, const Access& access) override;

  const std::string& endpoint() const override { return endpoint_; }

  // What OpenFile() gives for a blob from now on; else a source that answers nothing.
  void ServeFile(const BlobId& blob, std::shared_ptr<transport::RangeSource> source) {
    sources_[blob] = std::move(source);
  }

 private:
  absl::Status Record(std::string asked, const Access& access);

  TaskRunner& callbacks_;
  const std::string endpoint_ = "https://hub.test";
  // Tells the caller what an answer about `repo` says besides.
  void Tell(const RepoId& repo, const Access& access) const;

  std::map<std::pair<RepoId, Revision>, CommitId> revisions_;
  std::map<RepoId, RepoInfo> infos_;
  std::map<std::pair<RepoId, CommitId>, Tree> trees_;
  std::map<BlobId, std::shared_ptr<transport::RangeSource>> sources_;
  std::map<RepoId, std::vector<ScanIssue>> scans_;
  std::vector<std::string> last_scanned_;
  std::map<std::string, std::vector<RepoSummary>> searches_;  // by tag
  std::deque<absl::Status> failures_;
  std::vector<std::string> asked_;
  Access last_access_;
};

}  // namespace batuta::hub
