#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "common/types/blob_id.h"
#include "common/types/principal.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/safety/base/grade.h"

namespace batuta::guard {

// That somebody admitted one file of one commit, as it was found to be.
struct GivenConsent {
  std::string path;
  CommitId commit;
  BlobId blob;
  safety::Grades grades;
  bool is_objected = false;  // the hub's own scanners spoke against it
  Principal who;
  WallTime at;
};

// Consents keeps, in Table::kConsents, which unsafe blobs were admitted, by whom and when. A consent is bound
// to the repo, the commit and the content: another commit, or another repo with the same file, is asked about
// again. Where users share the cache it is also bound to who gave it.
//
// Thread-safe. Everything blocks on the catalog: run it on the disk pool. Errors: those of MetadataStore.
class Consents {
 public:
  enum class Scope { kEverybody, kWhoGave };

  // `store` outlives it. `scope`: for whom a consent holds.
  explicit Consents(metadata::MetadataStore& store, Scope scope = Scope::kEverybody)
      : store_(store), scope_(scope) {}

  // What was admitted of the blob before, by itself or under another name, stays admitted. Survives a power
  // cut after OK.
  absl::Status Record(const RepoId& repo, GivenConsent consent);

  // The grades that were admitted of that blob, as far as that holds for `who`; none when nobody did.
  absl::StatusOr<safety::Grades> Find(const RepoId& repo, const CommitId& commit, const BlobId& blob,
                                      const Principal& who);

  // All of a repo, by commit and blob.
  absl::StatusOr<std::vector<GivenConsent>> Of(const RepoId& repo);

 private:
  std::string KeyOf(const RepoId& repo, const CommitId& commit, const BlobId& blob,
                    const Principal& who) const;
  absl::StatusOr<std::optional<GivenConsent>> Read(const std::string& key);

  metadata::MetadataStore& store_;
  const Scope scope_;
};

}  // namespace batuta::guard
