#include "daemon/eviction/view.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include <fmt/format.h>

#include "daemon/dependency/base_finder.h"

namespace batuta::eviction {
namespace {

using inventory::FileKey;

// Files that were made together have inodes that are close, and are met together: they stay close in the
// table, 64 by 64, which the caches of the processor like three times better. The lowest seven bits tell
// neighbours apart, the rest is the place.
struct KeyHash {
  size_t operator()(const FileKey& key) const {
    return (absl::HashOf(key.device, key.inode >> 6) << 13) | ((key.inode & 63) << 7) | (key.inode & 127);
  }
};

size_t CountFiles(const inventory::Repos& repos) {
  size_t count = 0;
  for (const auto& repo : repos) {
    for (const inventory::Snapshot& snapshot : repo->snapshots) {
      for (const inventory::Selection& selection : snapshot.selections) count += selection.files.size();
    }
  }
  return count;
}

// A snapshot of the inventory, and its number in the plan.
struct Numbered {
  const inventory::Snapshot* snapshot;
  uint32_t number;
};

bool HasRef(const inventory::Snapshot& snapshot, std::string_view ref) {
  return std::find(snapshot.refs.begin(), snapshot.refs.end(), ref) != snapshot.refs.end();
}

// Which snapshots of a base are meant: that of the revision; without one that of `main`. What cannot be told
// apart is meant as a whole.
std::vector<uint32_t> Meant(const std::vector<Numbered>& snapshots, const std::optional<Revision>& revision) {
  const std::string text = revision ? revision->text() : "main";
  std::vector<uint32_t> meant;
  for (const Numbered& candidate : snapshots) {
    if (candidate.snapshot->commit.hex() == text || HasRef(*candidate.snapshot, text)) {
      meant.push_back(candidate.number);
    }
  }
  if (!meant.empty()) return meant;
  for (const Numbered& candidate : snapshots) meant.push_back(candidate.number);
  return meant;
}

class Maker {
 public:
  Maker(const inventory::Inventory& inventory, const inventory::Pins& pins, const inventory::Leases& leases,
        const std::set<SelectionName>& open, WallTime filled_since,
        const std::function<bool(const RepoId&)>& may_name)
      : source_(inventory),
        pins_(pins),
        leases_(leases),
        open_(open),
        filled_since_(filled_since),
        may_name_(may_name) {}

  View Run() {
    const inventory::Repos repos = source_.All();
    // There may be a million: most of the time of a view is spent on telling which of them are the same.
    const size_t files = CountFiles(repos);
    blobs_.reserve(files);
    seen_in_.reserve(files);
    view_.inventory.blob_bytes.reserve(files);
    std::vector<RepoId> ids;
    for (const auto& repo : repos) {
      ids.push_back(repo->repo);
      AddRepo(repo);
    }
    AddNeeds(repos, dependency::BaseFinder(ids, source_.hub_facts().Renames()));
    view_.repos = repos;
    return std::move(view_);
  }

 private:
  void AddRepo(const std::shared_ptr<const inventory::Repo>& repo) {
    constexpr size_t kShort = 8;
    ++repo_number_;
    const bool is_being_filled = source_.LastWriteByOthers(repo->repo, repo->written) > filled_since_;
    for (const cache::LooseFile& file : repo->loose) view_.loose_bytes += file.size_bytes;
    std::vector<Numbered>& numbered = by_repo_[repo->repo];
    for (const inventory::Snapshot& snapshot : repo->snapshots) {
      const auto number = static_cast<uint32_t>(view_.inventory.snapshots.size());
      view_.inventory.snapshots.push_back({fmt::format("{}@{}", NameAmongOthers(repo->repo, may_name_),
                                                       snapshot.commit.hex().substr(0, kShort)),
                                           {}});
      numbered.push_back({&snapshot, number});
      const std::optional<std::string> pin = pins_.Of(repo->repo, snapshot.commit);
      const uint32_t leases = leases_.Count(repo->repo, snapshot.commit);
      for (const inventory::Selection& selection : snapshot.selections) {
        Inventory::Selection next{.snapshot = number,
                                  .blobs = {},
                                  .last_access = source_.LastAccess(repo->repo, snapshot, selection),
                                  .pin = pin,
                                  .leases = leases};
        next.blobs.reserve(selection.files.size());
        for (const inventory::File& file : selection.files) next.blobs.push_back(BlobOf(file));
        std::sort(next.blobs.begin(), next.blobs.end());
        next.blobs.erase(std::unique(next.blobs.begin(), next.blobs.end()), next.blobs.end());
        view_.places.push_back({repo, &snapshot, &selection});
        next.is_open = !open_.empty() && open_.count(view_.places.back().name()) == 1;
        next.is_being_filled = is_being_filled;
        view_.inventory.selections.push_back(std::move(next));
      }
    }
  }

  uint32_t BlobOf(const inventory::File& file) {
    const auto number = static_cast<uint32_t>(view_.inventory.blob_bytes.size());
    const auto [known, is_new] = blobs_.emplace(file.key, number);
    if (is_new) {
      view_.inventory.blob_bytes.push_back(file.size_bytes);
      seen_in_.push_back(0);
      view_.selected_bytes += file.size_bytes;
    }
    uint32_t& seen_in = seen_in_[known->second];
    if (seen_in != repo_number_) view_.linked_bytes += file.size_bytes;
    seen_in = repo_number_;
    return known->second;
  }

  void AddNeeds(const inventory::Repos& repos, const dependency::BaseFinder& finder) {
    view_.needed_by.resize(view_.inventory.snapshots.size());
    for (const auto& repo : repos) {
      const std::vector<dependency::Dependency> by_tags = source_.hub_facts().NeedsOf(repo->repo);
      for (const Numbered& dependent : by_repo_[repo->repo]) {
        if (dependent.snapshot->selections.empty()) continue;
        AddNeedsOf(repo->repo, dependent, dependent.snapshot->needs, finder);
        AddNeedsOf(repo->repo, dependent, by_tags, finder);
      }
    }
  }

  void AddNeedsOf(const RepoId& repo, const Numbered& dependent,
                  const std::vector<dependency::Dependency>& needs, const dependency::BaseFinder& finder) {
    for (const dependency::Dependency& need : needs) {
      if (!dependency::ProtectsBase(need.relation)) continue;
      for (const dependency::FoundBase& base : finder.Find(need.base.repo)) {
        if (base.repo != repo) AddNeed(dependent.number, Meant(by_repo_[base.repo], need.base.revision));
      }
    }
  }

  void AddNeed(uint32_t dependent, const std::vector<uint32_t>& bases) {
    std::vector<uint32_t>& needs = view_.inventory.snapshots[dependent].needs;
    for (const uint32_t base : bases) {
      if (std::find(needs.begin(), needs.end(), base) != needs.end()) continue;
      needs.push_back(base);
      view_.needed_by[base].push_back(dependent);
    }
  }

  const inventory::Inventory& source_;
  const inventory::Pins& pins_;
  const inventory::Leases& leases_;
  const std::set<SelectionName>& open_;
  const WallTime filled_since_;
  const std::function<bool(const RepoId&)>& may_name_;
  View view_;
  std::map<RepoId, std::vector<Numbered>> by_repo_;
  absl::flat_hash_map<FileKey, uint32_t, KeyHash> blobs_;
  std::vector<uint32_t> seen_in_;  // by blob: the number of the repo that it was counted for last
  uint32_t repo_number_ = 0;
};

}  // namespace

std::string NameAmongOthers(const RepoId& repo, const std::function<bool(const RepoId&)>& may_name) {
  if (may_name && !may_name(repo)) return fmt::format("a {} that is not public", ToString(repo.type()));
  return fmt::format("{} {}", ToString(repo.type()), repo.id());
}

View MakeView(const inventory::Inventory& inventory, const inventory::Pins& pins,
              const inventory::Leases& leases, const std::set<SelectionName>& open, WallTime filled_since,
              const std::function<bool(const RepoId&)>& may_name) {
  return Maker(inventory, pins, leases, open, filled_since, may_name).Run();
}

}  // namespace batuta::eviction
