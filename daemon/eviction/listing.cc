#include "daemon/eviction/listing.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace batuta::eviction {
namespace {

// Goes through the repos in the order in which the view numbers their snapshots and selections.
class Lister {
 public:
  Lister(const View& view, const std::vector<RepoId>& only)
      : view_(view),
        only_(only),
        seen_in_repo_(view.inventory.blob_bytes.size(), 0),
        seen_in_revision_(view.inventory.blob_bytes.size(), 0) {}

  Listing Run() {
    for (uint32_t i = 0; i < view_.inventory.snapshots.size(); ++i) owner_.push_back(nullptr);
    uint32_t snapshot = 0;
    for (const auto& repo : view_.repos) {
      for (size_t i = 0; i < repo->snapshots.size(); ++i) owner_[snapshot++] = &repo->repo;
    }
    for (const auto& repo : view_.repos) AddRepo(*repo);
    return std::move(listing_);
  }

 private:
  void AddRepo(const inventory::Repo& repo) {
    const bool is_meant = only_.empty() || std::find(only_.begin(), only_.end(), repo.repo) != only_.end();
    if (!is_meant || repo.snapshots.empty()) {
      Pass(repo);
      return;
    }
    ++repo_number_;
    ListedRepo listed{.repo = repo.repo};
    std::set<RepoId> protected_by;
    for (const inventory::Snapshot& snapshot : repo.snapshots) {
      for (const uint32_t dependent : view_.needed_by[next_snapshot_])
        protected_by.insert(*owner_[dependent]);
      AddSnapshot(snapshot, &listed);
      ++next_snapshot_;
    }
    listed.protected_by.assign(protected_by.begin(), protected_by.end());
    listing_.repos.push_back(std::move(listed));
  }

  void Pass(const inventory::Repo& repo) {
    next_snapshot_ += static_cast<uint32_t>(repo.snapshots.size());
    for (const inventory::Snapshot& snapshot : repo.snapshots) next_selection_ += snapshot.selections.size();
  }

  void AddSnapshot(const inventory::Snapshot& snapshot, ListedRepo* repo) {
    ++revision_number_;
    ListedRevision revision{
        .commit = snapshot.commit, .refs = snapshot.refs, .last_modified = snapshot.last_modified};
    std::set<std::string_view> paths;
    for (const inventory::Selection& selection : snapshot.selections) {
      AddSelection(snapshot, selection, &revision, repo);
      ++next_selection_;
      revision.file_count += static_cast<uint32_t>(selection.files.size());
      if (snapshot.selections.size() == 1) continue;
      for (const inventory::File& file : selection.files) paths.insert(file.path);
      revision.file_count = static_cast<uint32_t>(paths.size());  // a file may belong to several
    }
    repo->last_modified = std::max(repo->last_modified, revision.last_modified);
    repo->revisions.push_back(std::move(revision));
  }

  void AddSelection(const inventory::Snapshot& snapshot, const inventory::Selection& selection,
                    ListedRevision* revision, ListedRepo* repo) {
    const Inventory::Selection& state = view_.inventory.selections[next_selection_];
    ListedSelection listed{.commit = snapshot.commit,
                           .label = selection.label,
                           .file_count = static_cast<uint32_t>(selection.files.size()),
                           .last_access = state.last_access,
                           .pin = state.pin,
                           .leases = state.leases};
    for (const uint32_t blob : state.blobs) {
      const uint64_t bytes = view_.inventory.blob_bytes[blob];
      listed.size_bytes += bytes;
      if (seen_in_repo_[blob] == 0) listing_.total_bytes += bytes;
      if (seen_in_repo_[blob] != repo_number_) {
        repo->size_bytes += bytes;
        ++repo->file_count;
      }
      if (seen_in_revision_[blob] != revision_number_) revision->size_bytes += bytes;
      seen_in_repo_[blob] = repo_number_;
      seen_in_revision_[blob] = revision_number_;
    }
    repo->last_access = std::max(repo->last_access, listed.last_access);
    repo->selections.push_back(std::move(listed));
  }

  const View& view_;
  const std::vector<RepoId>& only_;
  std::vector<const RepoId*> owner_;        // by snapshot
  std::vector<uint32_t> seen_in_repo_;      // by blob: the number of the repo that counted it last
  std::vector<uint32_t> seen_in_revision_;  // the same for revisions
  uint32_t repo_number_ = 0;
  uint32_t revision_number_ = 0;
  uint32_t next_snapshot_ = 0;
  size_t next_selection_ = 0;
  Listing listing_;
};

}  // namespace

Listing ListingOf(const View& view, const std::vector<RepoId>& only) {
  return Lister(view, only).Run();
}

}  // namespace batuta::eviction
