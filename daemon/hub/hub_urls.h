#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "common/types/repo_id.h"
#include "common/types/repo_path.h"
#include "common/types/revision.h"
#include "daemon/hub/hub_client.h"

namespace batuta::hub {

// HubUrls spells the hub's addresses. A revision is encoded with its slashes, a path keeps them. Pure;
// thread-safe.
class HubUrls {
 public:
  // `endpoint`: a base URL; trailing slashes are dropped.
  explicit HubUrls(std::string endpoint);

  const std::string& endpoint() const { return endpoint_; }

  // Metadata of a revision; of a model with what the hub's scanners say of its files.
  std::string Info(const RepoId& repo, const Revision& revision) const;

  // The same without any parameter, for hubs that refuse those which they do not know.
  std::string PlainInfo(const RepoId& repo, const Revision& revision) const;

  // The same, asking for the commit and the tags of a model alone; a hub that does not know the parameter
  // answers 400.
  std::string BriefInfo(const RepoId& repo, const Revision& revision) const;

  // The first page of a tree with everything below it.
  std::string Tree(const RepoId& repo, const CommitId& commit) const;

  // What is known of some paths, which are posted.
  std::string PathsInfo(const RepoId& repo, const CommitId& commit) const;

  // The resolver of one file.
  std::string File(const RepoId& repo, const CommitId& commit, const RepoPath& path) const;

  // The first page of a search. With `fields`: just those that a RepoSummary needs; a hub that does not know
  // the parameter answers 400.
  //   kInvalidArgument (INVALID_ARGUMENT)  an unknown sort order; lists the known ones.
  absl::StatusOr<std::string> Search(const SearchQuery& query, bool fields) const;

  // Answers 200 where the caller may read the repo's files.
  std::string AuthCheck(const RepoId& repo) const;

  std::string WhoAmI() const;

  std::string CreateRepo() const;
  std::string CreateBranch(const RepoId& repo, const Revision& branch) const;
  std::string CheckCard() const;
  std::string Preupload(const RepoId& repo, const Revision& branch, bool for_pull_request) const;
  std::string LfsBatch(const RepoId& repo) const;
  std::string Commit(const RepoId& repo, const Revision& branch) const;
  std::string Commits(const RepoId& repo, const Revision& branch, size_t limit) const;
  std::string Discussions(const RepoId& repo) const;

  // What a person opens in a browser.
  std::string Page(const RepoId& repo) const;

 private:
  std::string Api(const RepoId& repo) const;

  std::string endpoint_;
};

}  // namespace batuta::hub
