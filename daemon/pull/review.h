#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/types/principal.h"
#include "daemon/cache/cache.h"
#include "daemon/hub/hub_client.h"
#include "daemon/pull/pull_request.h"
#include "daemon/review/acquaintances.h"
#include "daemon/review/known_names.h"
#include "daemon/review/name_review.h"

namespace batuta::pull {

// What there is to say of a repo before anything of it is fetched.
struct Review {
  RepoId repo;          // as it was asked for
  bool is_new = false;  // this cache has taken nothing from its namespace before

  // Of a new namespace only.
  review::NameReview name = {};
  std::optional<hub::RepoInfo> info = {};  // what the hub says of the repo

  // As which repo the hub has the name, and had it when it was met before.
  review::RepoIdentity now = {};
  std::optional<review::RepoIdentity> before = {};

  // Another repo has the name than before.
  bool is_replaced() const { return before && review::IsAnother(*before, now); }

  bool says_something() const { return is_new || is_replaced(); }
};

// May the pull go on? Pure.
//   kFailedPrecondition (REPO_REPLACED)    another repo has the name, and nobody said that he knows.
//   kFailedPrecondition (NAME_CONFUSABLE)  the name may be mistaken for a known one, and nobody agreed.
//   kFailedPrecondition (NAMESPACE_NEW)    the caller wants to ask somebody first.
absl::Status Judge(const Review& review, const PullRequest& request);

// Reviewer knows whom this cache trusts: those from whom it took something, whoever brought it, and those to
// whom somebody agreed. Thread-safe; every method blocks.
//   Errors: those of the catalog, and of listing the cache.
class Reviewer {
 public:
  // Everything borrowed outlives it.
  Reviewer(review::Acquaintances& acquaintances, cache::Cache& cache, const Clock& clock)
      : acquaintances_(acquaintances), cache_(cache), clock_(clock) {}

  // What this machine knows; `info` and `now` are for the hub to say.
  absl::StatusOr<Review> LookAt(const RepoId& repo);

  // The pull goes on: remembers as which repo it was met, and to whom somebody agreed.
  absl::Status GoOn(const Review& review, bool has_agreed, const Principal& who);

  // Something came from it.
  absl::Status Trust(const RepoId& repo, const Principal& who);

 private:
  review::Acquaintances& acquaintances_;
  cache::Cache& cache_;
  const Clock& clock_;
  const review::KnownNames well_known_;
};

}  // namespace batuta::pull
