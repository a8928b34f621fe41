#include "daemon/pull/review.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::pull {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return lower;
}

std::string TextOf(const review::RepoIdentity& identity) {
  std::string id = identity.hub_id.empty() ? std::string("unknown") : Printable(identity.hub_id);
  if (!identity.created) return id;
  return fmt::format("{} (made on {:%Y-%m-%d})", id,
                     fmt::gmtime(std::chrono::system_clock::to_time_t(*identity.created)));
}

absl::Status Replaced(const Review& review) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, reason::kRepoReplaced,
      fmt::format(
          "{} {} is another repo now than the one that was pulled before: its id on the hub was {}, and "
          "is {}; its owner may have made it anew, or somebody else may have taken the name",
          ToString(review.repo.type()), review.repo.id(), TextOf(*review.before), TextOf(review.now)),
      "ask its owner; once you know why, pull with --accept-replaced",
      {{"hub_id_before", review.before->hub_id}, {"hub_id", review.now.hub_id}});
}

absl::Status Confusable(const Review& review) {
  const review::NameReview& name = review.name;
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kNameConfusable,
                   fmt::format("{} {} may be mistaken for something of {}, which {}: {}; nothing was fetched",
                               ToString(review.repo.type()), review.repo.id(), name.confusable_with,
                               name.is_trusted ? "this cache trusts" : "is well known", name.why),
                   "look at the name again; if it is the one you mean, pull with --yes",
                   {{"confusable_with", name.confusable_with}, {"why", name.why}});
}

absl::Status New(const Review& review) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, reason::kNamespaceNew,
      fmt::format("nothing of {} was pulled before, and nobody has agreed to it; nothing was fetched",
                  review.repo.repo_namespace()),
      "pull with --yes to agree");
}

}  // namespace

absl::Status Judge(const Review& review, const PullRequest& request) {
  if (review.is_replaced() && !request.accept_replaced) return Replaced(review);
  if (!review.is_new || request.name_review == NameReviewMode::kAccepted) return absl::OkStatus();
  if (!review.name.confusable_with.empty()) return Confusable(review);
  const bool must_ask = request.name_review == NameReviewMode::kAsk && !review.name.is_known;
  return must_ask ? New(review) : absl::OkStatus();
}

absl::StatusOr<Review> Reviewer::LookAt(const RepoId& repo) {
  Review review{.repo = repo};
  ASSIGN_OR_RETURN(review.before, acquaintances_.IdentityOf(repo));
  const std::string_view repo_namespace = repo.repo_namespace();
  if (repo_namespace.empty()) return review;  // nobody but the hub makes repos without one

  ASSIGN_OR_RETURN(std::set<std::string> seen, acquaintances_.TrustedNamespaces());
  if (seen.contains(Lower(repo_namespace))) return review;
  ASSIGN_OR_RETURN(const cache::RootListing root, cache_.ListRoot());
  for (const RepoId& held : root.repos) seen.insert(Lower(held.repo_namespace()));
  if (seen.contains(Lower(repo_namespace))) return review;

  review.is_new = true;
  review::KnownNames known = well_known_;
  for (const std::string& name : seen) known.Trust(name);
  review.name = review::ReviewName(repo.id(), known);
  return review;
}

absl::Status Reviewer::GoOn(const Review& review, bool has_agreed, const Principal& who) {
  const bool says_who = !review.now.hub_id.empty() || review.now.created;
  if (says_who && (!review.before || review.is_replaced())) {
    RETURN_IF_ERROR(acquaintances_.Remember(review.repo, review.now));
  }
  return review.is_new && has_agreed ? Trust(review.repo, who) : absl::OkStatus();
}

absl::Status Reviewer::Trust(const RepoId& repo, const Principal& who) {
  return acquaintances_.Trust(repo.repo_namespace(), who, clock_.wall());
}

}  // namespace batuta::pull
