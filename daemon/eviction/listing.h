#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/eviction/view.h"

// What the cache holds, repo by repo, for people.
namespace batuta::eviction {

struct ListedRevision {
  CommitId commit;
  std::vector<std::string> refs = {};
  uint32_t file_count = 0;
  uint64_t size_bytes = 0;  // every file of the disk once
  WallTime last_modified = {};
};

struct ListedSelection {
  CommitId commit;
  std::string label;
  uint32_t file_count = 0;
  uint64_t size_bytes = 0;  // every file of the disk once
  WallTime last_access = {};
  std::optional<std::string> pin = {};  // why
  uint32_t leases = 0;
};

struct ListedRepo {
  RepoId repo;
  uint64_t size_bytes = 0;  // of all revisions, every file of the disk once
  uint32_t file_count = 0;  // counted in the same way
  WallTime last_access = {};
  WallTime last_modified = {};
  std::vector<ListedRevision> revisions = {};
  std::vector<ListedSelection> selections = {};
  std::vector<RepoId> protected_by = {};  // cached repos that need it as their base; each once
};

struct Listing {
  std::vector<ListedRepo> repos;
  uint64_t total_bytes = 0;  // every file of the disk once
};

// Of the repos that are named, or of all. Repos without snapshots are left out. Pure.
Listing ListingOf(const View& view, const std::vector<RepoId>& only);

}  // namespace batuta::eviction
