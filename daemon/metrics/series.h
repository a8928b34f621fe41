#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

// What is counted and measured. Everything here is thread-safe and never blocks: it may be used wherever
// bytes move.
namespace batuta::metrics {

// A whole number that only grows.
class Counter {
 public:
  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }

  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

// A number that goes up and down.
class Gauge {
 public:
  void Add(int64_t count) { value_.fetch_add(count, std::memory_order_relaxed); }

  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }

  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_ = 0;
};

// How many observations were at most as large as each bound.
class Histogram {
 public:
  // `bounds` grow, and outlive the histogram.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

  // What is no number counts as beyond the last bound.
  void Observe(double value);

  struct Reading {
    std::vector<uint64_t> buckets;  // of each bound, those up to it; last, all of them
    double sum = 0;
  };

  // What is observed meanwhile is in it or not, as a whole or for its sum alone.
  Reading Read() const;

 private:
  const std::span<const double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;  // of each bucket alone
  std::atomic<double> sum_ = 0;
};

}  // namespace batuta::metrics
