#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/cache.h"
#include "daemon/guard/inspection.h"
#include "daemon/inventory/inventory.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::adoption {

// A cached file that is not safe, as the inspection found it.
struct UnsafeFile {
  CommitId commit;
  std::string path;
  std::string verdict;  // "unsafe", "invalid" or "unknown"
  std::string format;
  std::string pickle;  // "none", "clean" or "dangerous"
  std::string code;    // of the finding that decided
  std::string reason;

  friend bool operator==(const UnsafeFile&, const UnsafeFile&) = default;
};

// What there is to say of one repo.
struct Findings {
  std::vector<UnsafeFile> files;
  bool has_unread = false;  // of some it is not known what they are: reading them failed
};

// Adoption looks into the files of the cache, whoever brought them: one repo at a time, and a repo again only
// when its files have changed, or the inspector has, and after a start when one could not be read. What it
// found is kept in Table::kAdopted. It removes nothing and refuses nothing: it is how a person learns what
// other tools have put there. In memory is which repos it has looked at and nothing else, so that a cache
// full of bad files takes no more than a sound one.
//
// Thread-safe. All methods block on disk I/O: run them on the disk pool or on upkeep.
class Adoption {
 public:
  // Everything outlives it.
  Adoption(cache::Cache& cache, inventory::Inventory& inventory, guard::Inspection& inspection,
           metadata::MetadataStore& store)
      : cache_(cache), inventory_(inventory), inspection_(inspection), store_(store) {}

  // Looks at one repo that it does not know as it is now; false when there is none.
  bool LookAtNext();

  // What is not safe of a repo, as it was last looked at; at most kMostOfARepo. What the catalog could not
  // keep is looked at again.
  std::vector<UnsafeFile> UnsafeOf(const RepoId& repo);

  static constexpr size_t kMostOfARepo = 100;

 private:
  struct Known {
    std::shared_ptr<const inventory::Repo> repo;  // as it was looked at
    bool has_unsafe = false;
  };

  std::shared_ptr<const inventory::Repo> Next();
  std::optional<Findings> Kept(const RepoId& repo, const std::string& mark) const;
  Findings LookAt(const inventory::Repo& repo);
  // Adds to `found`; an error is about reading.
  absl::Status LookAtFile(const RepoId& repo, const CommitId& commit, const std::string& path,
                          std::vector<UnsafeFile>& found);

  cache::Cache& cache_;
  inventory::Inventory& inventory_;
  guard::Inspection& inspection_;
  metadata::MetadataStore& store_;
  Mutex looking_;  // one look at a time
  Mutex mutex_;
  std::map<RepoId, Known> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::adoption
