#include "tests/integration/service/held_hub.h"

#include <chrono>
#include <utility>

namespace batuta::hub {

void HeldHub::SetTree(Tree tree) {
  const MutexLock lock(mutex_);
  tree_ = std::move(tree);
}

void HeldHub::SetFound(std::vector<RepoSummary> found) {
  const MutexLock lock(mutex_);
  found_ = std::move(found);
}

void HeldHub::SetRememberedSince(WallTime time) {
  const MutexLock lock(mutex_);
  remembered_since_ = time;
}

bool HeldHub::WaitForQuestions(size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const MutexLock lock(mutex_);
  while (questions_ < count) {
    if (!changed_.WaitUntil(mutex_, deadline)) return false;
  }
  return true;
}

bool HeldHub::Answer(const absl::Status& status) {
  Reply reply;
  {
    const MutexLock lock(mutex_);
    if (open_.empty()) return false;
    reply = std::move(open_.front());
    open_.pop_front();
  }
  callbacks_.Post([reply = std::move(reply), status]() mutable { reply(status); });
  return true;
}

size_t HeldHub::questions() const {
  const MutexLock lock(mutex_);
  return questions_;
}

Access HeldHub::last_access() const {
  const MutexLock lock(mutex_);
  return last_access_;
}

template <typename T, typename Make>
void HeldHub::Hold(const Access& access, Callback<T> done, Make make) {
  const MutexLock lock(mutex_);
  last_access_ = access;
  ++questions_;
  open_.push_back([on_remembered = access.on_remembered, since = remembered_since_, done = std::move(done),
                   make = std::move(make)](const absl::Status& status) mutable {
    if (!status.ok()) return done(status);
    if (since) on_remembered(*since);
    done(make());
  });
  changed_.NotifyAll();
}

void HeldHub::GetRepo(const RepoId& repo, const Revision& /*revision*/, const Access& access,
                      Callback<RepoInfo> done) {
  Hold<RepoInfo>(access, std::move(done), [this, repo] {
    const MutexLock lock(mutex_);
    return RepoInfo{.summary = {.repo = repo,
                                .gated = {},
                                .task = {},
                                .library = {},
                                .tags = {},
                                .created = {},
                                .last_modified = {}},
                    .commit = tree_.commit,
                    .hub_id = {},
                    .author = {},
                    .license = "mit",
                    .base_models = {}};
  });
}

void HeldHub::ResolveRevision(const RepoId& /*repo*/, const Revision& /*revision*/, const Access& access,
                              Callback<CommitId> done) {
  Hold<CommitId>(access, std::move(done), [this] {
    const MutexLock lock(mutex_);
    return tree_.commit;
  });
}

void HeldHub::ListTree(const RepoId& /*repo*/, const CommitId& /*commit*/, const Access& access,
                       Callback<Tree> done) {
  Hold<Tree>(access, std::move(done), [this] {
    const MutexLock lock(mutex_);
    return tree_;
  });
}

void HeldHub::GetScan(const RepoId& /*repo*/, const CommitId& /*commit*/,
                      const std::vector<std::string>& /*paths*/, const Access& /*access*/,
                      Callback<std::vector<ScanIssue>> done) {
  callbacks_.Post([done = std::move(done)]() mutable { done(std::vector<ScanIssue>()); });
}

void HeldHub::Search(const SearchQuery& /*query*/, const Access& access,
                     Callback<std::vector<RepoSummary>> done) {
  Hold<std::vector<RepoSummary>>(access, std::move(done), [this] {
    const MutexLock lock(mutex_);
    return found_;
  });
}

void HeldHub::WhoAmI(const Access& access, Callback<Identity> done) {
  Hold<Identity>(access, std::move(done), [] {
    Identity identity;
    identity.name = "mira";
    return identity;
  });
}

void HeldHub::CheckAccess(const RepoId& /*repo*/, const Access& access, Callback<bool> done) {
  Hold<bool>(access, std::move(done), [] { return true; });
}

std::shared_ptr<transport::RangeSource> HeldHub::OpenFile(const RepoId& /*repo*/, const CommitId& /*commit*/,
                                                          const Entry& /*entry*/, const Access& /*access*/) {
  return nullptr;
}

}  // namespace batuta::hub
