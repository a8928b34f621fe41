// RateLimiter counts requests in fixed windows, per identity and bucket.
//
// An identity is a token, or an address when anonymous. Its window begins with its first request and all its
// buckets reset together. Thread safety: all methods from any thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace batuta::hubsim {

// Requests allowed per window.
struct Quotas {
  int api = 0;
  int resolvers = 0;
  int pages = 0;
};

enum class Bucket {
  kApi,
  kResolvers,
  kPages,
  // Granular limits on what a request does, beside the bucket that counts it.
  kCommits,
  kRepoCreations,
};

std::string BucketName(Bucket bucket);

struct RateVerdict {
  bool is_allowed = true;
  int remaining = 0;
  std::chrono::seconds reset_in{0};  // rounded up
};

// What one identity did in one of its windows.
struct WindowUse {
  std::string identity = {};
  std::chrono::system_clock::time_point start = {};
  std::map<Bucket, int> used = {};
  std::map<Bucket, int> refused = {};
};

class RateLimiter {
 public:
  explicit RateLimiter(std::chrono::milliseconds window) : window_(window) {}

  // Counts one request. A refused one does not count.
  RateVerdict Count(const std::string& identity, Bucket bucket, int quota);

  // Rounded up to seconds, as the hub tells it.
  std::chrono::seconds window() const { return std::chrono::ceil<std::chrono::seconds>(window_); }

  // Every window so far, in the order of their beginnings.
  std::vector<WindowUse> Windows() const;

  // Begins a new window for everyone.
  void Reset();

 private:
  struct Ledger {
    std::chrono::steady_clock::time_point start = {};
    WindowUse use = {};
  };

  const std::chrono::milliseconds window_;
  mutable std::mutex mutex_;
  std::map<std::string, Ledger> ledgers_;  // of the present windows, by identity
  std::vector<WindowUse> ended_;
};

}  // namespace batuta::hubsim
