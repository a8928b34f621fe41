#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/eviction/plan.h"
#include "daemon/inventory/inventory.h"

namespace batuta::eviction {

// A selection by its names, which outlive a survey.
struct SelectionName {
  RepoId repo;
  CommitId commit;
  std::string id;

  friend auto operator<=>(const SelectionName&, const SelectionName&) = default;
};

// What the cache holds at one moment, in the form that plans are made from. Immutable.
struct View {
  // Of each selection of `inventory`.
  struct Place {
    std::shared_ptr<const inventory::Repo> repo;
    const inventory::Snapshot* snapshot = nullptr;
    const inventory::Selection* selection = nullptr;

    SelectionName name() const { return {repo->repo, snapshot->commit, selection->id}; }
  };

  inventory::Repos repos;
  Inventory inventory;
  std::vector<Place> places;
  std::vector<std::vector<uint32_t>> needed_by;  // of each snapshot of `inventory`: snapshots that need it
  uint64_t selected_bytes = 0;                   // every file of the disk once
  uint64_t linked_bytes = 0;                     // the same files, once for each repo that has them
  uint64_t loose_bytes = 0;

  uint64_t used_bytes() const { return selected_bytes + loose_bytes; }
};

// How a repo is called in texts that speak of another one; `may_name` may be empty.
std::string NameAmongOthers(const RepoId& repo, const std::function<bool(const RepoId&)>& may_name);

// `open`: selections that were found to be open. `filled_since`: a repo that another program has written to
// since then is being filled.
View MakeView(const inventory::Inventory& inventory, const inventory::Pins& pins,
              const inventory::Leases& leases, const std::set<SelectionName>& open, WallTime filled_since,
              const std::function<bool(const RepoId&)>& may_name = {});

}  // namespace batuta::eviction
