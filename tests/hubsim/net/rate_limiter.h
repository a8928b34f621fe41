// RateLimiter counts requests in fixed windows, per identity and bucket, and writes the hub's RateLimit
// fields.
//
// An identity is a token, or an address when anonymous. Its window begins with its first request and all its
// buckets reset together. Thread safety: all methods from any thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace batuta::hubsim {

// Requests allowed per window.
struct Quotas {
  int api = 0;
  int resolvers = 0;
  int pages = 0;
};

enum class Bucket { kApi, kResolvers, kPages };

std::string BucketName(Bucket bucket);

struct RateVerdict {
  bool is_allowed = true;
  std::string rate_limit;         // value of `RateLimit`
  std::string rate_limit_policy;  // value of `RateLimit-Policy`
};

class RateLimiter {
 public:
  explicit RateLimiter(std::chrono::milliseconds window) : window_(window) {}

  // Counts one request. A refused one is not counted.
  RateVerdict Count(const std::string& identity, Bucket bucket, const Quotas& quotas);

  // What the identity used in its current window.
  int Used(const std::string& identity, Bucket bucket) const;

  // Begins a new window for everyone.
  void Reset();

 private:
  struct Ledger {
    std::chrono::steady_clock::time_point start;
    std::map<Bucket, int> used;
  };

  const std::chrono::milliseconds window_;
  mutable std::mutex mutex_;
  std::map<std::string, Ledger> ledgers_;
};

}  // namespace batuta::hubsim
