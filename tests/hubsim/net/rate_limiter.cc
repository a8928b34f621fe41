#include "tests/hubsim/net/rate_limiter.h"

#include <algorithm>
#include <utility>

namespace batuta::hubsim {

std::string BucketName(Bucket bucket) {
  switch (bucket) {
    case Bucket::kApi:
      return "api";
    case Bucket::kResolvers:
      return "resolvers";
    case Bucket::kPages:
      return "pages";
    case Bucket::kCommits:
      return "commits";
    case Bucket::kRepoCreations:
      return "repo-creations";
  }
  return {};
}

RateVerdict RateLimiter::Count(const std::string& identity, Bucket bucket, int quota) {
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock(mutex_);
  Ledger& ledger = ledgers_[identity];
  const bool is_new = ledger.use.identity.empty();
  if (is_new || now - ledger.start >= window_) {
    if (!is_new) ended_.push_back(std::move(ledger.use));
    ledger = {.start = now, .use = {.identity = identity, .start = std::chrono::system_clock::now()}};
  }
  int& used = ledger.use.used[bucket];
  const bool is_allowed = used < quota;
  ++(is_allowed ? used : ledger.use.refused[bucket]);
  return {.is_allowed = is_allowed,
          .remaining = quota - used,
          .reset_in = std::chrono::ceil<std::chrono::seconds>(ledger.start + window_ - now)};
}

std::vector<WindowUse> RateLimiter::Windows() const {
  const std::scoped_lock lock(mutex_);
  std::vector<WindowUse> all = ended_;
  for (const auto& [identity, ledger] : ledgers_) all.push_back(ledger.use);
  std::ranges::sort(all, {}, &WindowUse::start);
  return all;
}

void RateLimiter::Reset() {
  const std::scoped_lock lock(mutex_);
  for (auto& [identity, ledger] : ledgers_) ended_.push_back(std::move(ledger.use));
  ledgers_.clear();
}

}  // namespace batuta::hubsim
