#include "daemon/metrics/registry.h"

#include <utility>

namespace batuta::metrics {

void Registry::ReadSeries(const Counter& counter, Sample& sample) {
  sample.value = static_cast<double>(counter.value());
}

void Registry::ReadSeries(const Gauge& gauge, Sample& sample) {
  sample.value = static_cast<double>(gauge.value());
}

void Registry::ReadSeries(const Histogram& histogram, Sample& sample) {
  Histogram::Reading reading = histogram.Read();
  sample.value = reading.sum;
  sample.buckets = std::move(reading.buckets);
}

template <typename Series>
Family<Series>& Registry::Add(FamilyReading declared, Names labels, typename Family<Series>::Make make) {
  const bool is_single = labels.empty();
  const std::shared_ptr<Family<Series>> family(new Family<Series>(std::move(labels), std::move(make)));
  if (is_single) family->Of({});  // there from the start, at zero
  readers_.emplace_back([family, declared = std::move(declared)] {
    FamilyReading reading = declared;
    family->ReadAll([&reading](const Series& series, Sample& sample) {
      ReadSeries(series, sample);
      reading.samples.push_back(std::move(sample));
    });
    return reading;
  });
  return *family;
}

Family<Counter>& Registry::Counters(std::string name, std::string help, Names labels) {
  return Add<Counter>({.name = std::move(name), .help = std::move(help), .kind = Kind::kCounter},
                      std::move(labels), [] { return std::make_unique<Counter>(); });
}

Family<Gauge>& Registry::Gauges(std::string name, std::string help, Names labels) {
  return Add<Gauge>({.name = std::move(name), .help = std::move(help), .kind = Kind::kGauge},
                    std::move(labels), [] { return std::make_unique<Gauge>(); });
}

Family<Histogram>& Registry::Histograms(std::string name, std::string help, std::vector<double> bounds,
                                        Names labels) {
  const std::vector<double>& kept = bounds_.emplace_back(std::move(bounds));
  return Add<Histogram>(
      {.name = std::move(name), .help = std::move(help), .kind = Kind::kHistogram, .bounds = kept},
      std::move(labels), [&kept] { return std::make_unique<Histogram>(kept); });
}

std::vector<FamilyReading> Registry::Read() const {
  std::vector<FamilyReading> families;
  families.reserve(readers_.size());
  for (const auto& reader : readers_) families.push_back(reader());
  return families;
}

}  // namespace batuta::metrics
