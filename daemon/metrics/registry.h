#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/sync/mutex.h"
#include "daemon/metrics/series.h"
#include "daemon/metrics/text_form.h"

namespace batuta::metrics {

// All series of one name, told apart by the values of its labels. Thread-safe.
//
// Values come from small sets that the code knows: never a name of a repo, a user or a token. Should that go
// wrong, what comes after kMostSeries is counted together under the value "other".
template <typename Series>
class Family {
 public:
  static constexpr size_t kMostSeries = 200;
  static constexpr std::string_view kOther = "other";

  // The series of these values, in the order of the label names; lives as long as the family.
  Series& Of(std::initializer_list<std::string_view> values) {
    std::vector<std::string> key(values.begin(), values.end());
    key.resize(labels_.size());
    const MutexLock lock(mutex_);
    auto found = series_.find(key);
    if (found != series_.end()) return *found->second;
    if (series_.size() >= kMostSeries) {
      key.assign(labels_.size(), std::string(kOther));
      if (found = series_.find(key); found != series_.end()) return *found->second;
    }
    return *series_.emplace(std::move(key), make_()).first->second;
  }

 private:
  friend class Registry;
  using Make = std::function<std::unique_ptr<Series>()>;

  Family(std::vector<std::string> labels, Make make) : labels_(std::move(labels)), make_(std::move(make)) {}

  template <typename Read>
  void ReadAll(Read read) const {
    const MutexLock lock(mutex_);
    for (const auto& [values, series] : series_) {
      Sample sample;
      for (size_t i = 0; i < labels_.size(); ++i) sample.labels.emplace_back(labels_[i], values[i]);
      read(*series, sample);
    }
  }

  const std::vector<std::string> labels_;
  const Make make_;
  mutable Mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Series>> series_ ABSL_GUARDED_BY(mutex_);
};

// Registry declares families and reads them all at once. Declaring is for the start: before any other thread
// uses the registry.
class Registry {
 public:
  using Names = std::vector<std::string>;

  // `name` as Prometheus wants it: in base units, of a counter ending in _total; `help` one sentence.
  Family<Counter>& Counters(std::string name, std::string help, Names labels = {});
  Family<Gauge>& Gauges(std::string name, std::string help, Names labels = {});
  Family<Histogram>& Histograms(std::string name, std::string help, std::vector<double> bounds,
                                Names labels = {});

  // What every family holds now.
  std::vector<FamilyReading> Read() const;

 private:
  template <typename Series>
  Family<Series>& Add(FamilyReading declared, Names labels, typename Family<Series>::Make make);

  static void ReadSeries(const Counter& counter, Sample& sample);
  static void ReadSeries(const Gauge& gauge, Sample& sample);
  static void ReadSeries(const Histogram& histogram, Sample& sample);

  std::deque<std::vector<double>> bounds_;  // never move
  std::vector<std::function<FamilyReading()>> readers_;
};

}  // namespace batuta::metrics
