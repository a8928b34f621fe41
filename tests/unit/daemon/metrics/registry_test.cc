#include "daemon/metrics/registry.h"

#include <cmath>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/metrics/daemon_metrics.h"

namespace batuta::metrics {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;
using testing::Pair;
using testing::SizeIs;

const FamilyReading& Find(const std::vector<FamilyReading>& families, std::string_view name) {
  for (const FamilyReading& family : families) {
    if (family.name == name) return family;
  }
  ADD_FAILURE() << "no family " << name;
  return families.front();
}

TEST(Registry, ASeriesIsTheSameForTheSameValues) {
  Registry registry;
  Family<Counter>& family = registry.Counters("c_total", "C.", {"kind"});
  family.Of({"a"}).Add(2);
  family.Of({"b"}).Add();
  family.Of({"a"}).Add(3);
  const FamilyReading reading = registry.Read().front();
  ASSERT_THAT(reading.samples, SizeIs(2));
  EXPECT_THAT(reading.samples[0].labels, ElementsAre(Pair("kind", "a")));
  EXPECT_EQ(reading.samples[0].value, 5);
  EXPECT_EQ(reading.samples[1].value, 1);
}

TEST(Registry, AFamilyWithoutLabelsIsThereFromTheStart) {
  Registry registry;
  registry.Gauges("g", "G.");
  EXPECT_THAT(registry.Read().front().samples, SizeIs(1));
}

TEST(Registry, TheNumberOfSeriesIsBounded) {
  Registry registry;
  Family<Counter>& family = registry.Counters("c_total", "C.", {"a", "b"});
  for (int i = 0; i < 1'000; ++i) family.Of({std::to_string(i), "x"}).Add();
  const FamilyReading reading = registry.Read().front();
  EXPECT_THAT(reading.samples, SizeIs(Family<Counter>::kMostSeries + 1));
  double sum = 0;
  for (const Sample& sample : reading.samples) sum += sample.value;
  EXPECT_EQ(sum, 1'000);
}

TEST(Registry, AHistogramCountsWhatIsUpToEachBound) {
  Registry registry;
  Histogram& histogram = registry.Histograms("h", "H.", {1, 2}).Of({});
  for (const double value : {0.5, 1.0, 1.5, 9.0}) histogram.Observe(value);
  const FamilyReading reading = registry.Read().front();
  EXPECT_THAT(reading.samples.front().buckets, ElementsAre(2, 3, 4));
  EXPECT_EQ(reading.samples.front().value, 12);
}

TEST(Registry, WhatIsNoNumberSpoilsNoSum) {
  Registry registry;
  Histogram& histogram = registry.Histograms("h", "H.", {1}).Of({});
  histogram.Observe(std::nan(""));
  histogram.Observe(0.5);
  EXPECT_THAT(registry.Read().front().samples.front().buckets, ElementsAre(1, 2));
  EXPECT_EQ(registry.Read().front().samples.front().value, 0.5);
}

TEST(Registry, ThreadsLoseNoCount) {
  Registry registry;
  Family<Counter>& family = registry.Counters("c_total", "C.", {"kind"});
  const auto count = [&family] {
    for (int i = 0; i < 10'000; ++i) family.Of({"a"}).Add();
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_EQ(registry.Read().front().samples.front().value, 20'000);
}

// The conventions of Prometheus, which its promtool checks as well.
TEST(DaemonMetrics, NamesFollowTheConventions) {
  Registry registry;
  const DaemonMetrics metrics(registry);
  std::set<std::string> names;
  for (const FamilyReading& family : registry.Read()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_THAT(family.name, MatchesRegex("batuta_[a-z][a-z_]*"));
    EXPECT_THAT(family.help, MatchesRegex("[A-Z].*[.]")) << family.name;
    EXPECT_EQ(family.name.ends_with("_total"), family.kind == Kind::kCounter) << family.name;
    EXPECT_EQ(family.name.ends_with("_seconds"), family.kind == Kind::kHistogram) << family.name;
  }
}

TEST(DaemonMetrics, WhatDidNotHappenYetIsToldAsZero) {
  Registry registry;
  const DaemonMetrics metrics(registry);
  const auto families = registry.Read();
  EXPECT_THAT(Find(families, "batuta_retries_total").samples, SizeIs(3));
  EXPECT_THAT(Find(families, "batuta_verdicts_total").samples, SizeIs(4));
}

}  // namespace
}  // namespace batuta::metrics
