#include "tests/hubsim/net/rate_limiter.h"

#include <algorithm>

#include <fmt/format.h>

namespace batuta::hubsim {
namespace {

int QuotaOf(const Quotas& quotas, Bucket bucket) {
  switch (bucket) {
    case Bucket::kApi:
      return quotas.api;
    case Bucket::kResolvers:
      return quotas.resolvers;
    case Bucket::kPages:
      return quotas.pages;
  }
  return 0;
}

}  // namespace

std::string BucketName(Bucket bucket) {
  switch (bucket) {
    case Bucket::kApi:
      return "api";
    case Bucket::kResolvers:
      return "resolvers";
    case Bucket::kPages:
      return "pages";
  }
  return {};
}

RateVerdict RateLimiter::Count(const std::string& identity, Bucket bucket, const Quotas& quotas) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock(mutex_);
  auto [entry, is_new] = ledgers_.try_emplace(identity, Ledger{.start = now, .used = {}});
  Ledger& ledger = entry->second;
  if (now - ledger.start >= window_) ledger = Ledger{.start = now, .used = {}};

  const int quota = QuotaOf(quotas, bucket);
  int& used = ledger.used[bucket];
  const bool is_allowed = used < quota;
  if (is_allowed) ++used;
  const auto reset = ceil<seconds>(ledger.start + window_ - now).count();
  const auto window = std::max<std::chrono::seconds::rep>(1, ceil<seconds>(window_).count());
  const std::string name = BucketName(bucket);
  return {.is_allowed = is_allowed,
          .rate_limit = fmt::format(R"("{}";r={};t={})", name, quota - used, reset),
          .rate_limit_policy = fmt::format(R"("fixed window";"{}";q={};w={})", name, quota, window)};
}

int RateLimiter::Used(const std::string& identity, Bucket bucket) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = ledgers_.find(identity);
  if (entry == ledgers_.end()) return 0;
  if (std::chrono::steady_clock::now() - entry->second.start >= window_) return 0;
  const auto used = entry->second.used.find(bucket);
  return used == entry->second.used.end() ? 0 : used->second;
}

void RateLimiter::Reset() {
  const std::scoped_lock lock(mutex_);
  ledgers_.clear();
}

}  // namespace batuta::hubsim
