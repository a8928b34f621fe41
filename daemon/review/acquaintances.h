#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "common/types/principal.h"
#include "common/types/repo_id.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::review {

// What stays when a repo is renamed, and does not when another one is made under its name.
struct RepoIdentity {
  std::string hub_id = {};  // `_id`; empty when the hub did not say
  std::optional<WallTime> created = {};

  friend bool operator==(const RepoIdentity&, const RepoIdentity&) = default;
};

// Is `now` another repo than `before`, as far as both say? Pure.
bool IsAnother(const RepoIdentity& before, const RepoIdentity& now);

// Acquaintances keeps in the catalog which namespaces of an endpoint this cache trusts, and as which repo the
// hub had each name when it was met first. Letter case does not count. Thread-safe; every method blocks.
//   Errors: those of the catalog.
class Acquaintances {
 public:
  // `store` outlives it. What one endpoint has says nothing of another's.
  Acquaintances(metadata::MetadataStore& store, std::string endpoint)
      : store_(store), endpoint_(std::move(endpoint)) {}

  // In lower case.
  absl::StatusOr<std::set<std::string>> TrustedNamespaces();

  // From now on, because `who` agreed or pulled from it; nothing when it is trusted already, or empty. Of a
  // hundred thousand at most: beyond that nothing more is kept.
  absl::Status Trust(std::string_view repo_namespace, const Principal& who, WallTime at);

  // As it was met first, or agreed to last; nothing for a repo that was never met.
  absl::StatusOr<std::optional<RepoIdentity>> IdentityOf(const RepoId& repo);

  // Replaces what was known of the repo.
  absl::Status Remember(const RepoId& repo, const RepoIdentity& identity);

 private:
  absl::Status Load();
  std::string KeyOf(std::string_view kind, std::string_view name) const;

  metadata::MetadataStore& store_;
  const std::string endpoint_;
  Mutex mutex_;
  bool is_loaded_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::string> trusted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::review
