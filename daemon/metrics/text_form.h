#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The text format 0.0.4 of Prometheus.
namespace batuta::metrics {

inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

enum class Kind { kCounter, kGauge, kHistogram };

using Labels = std::vector<std::pair<std::string, std::string>>;  // name and value, in the order of the text

// One series as it was read.
struct Sample {
  Labels labels;
  double value = 0;  // of a histogram: the sum

  // Of a histogram: the observations up to each bound, last all of them.
  std::vector<uint64_t> buckets = {};
};

// All series of one name.
struct FamilyReading {
  std::string name;  // [a-z_][a-z0-9_]*
  std::string help;
  Kind kind = Kind::kGauge;
  std::vector<double> bounds = {};  // of a histogram, growing
  std::vector<Sample> samples = {};
};

// Families in the order of their names, each once; one without samples is left out. Values of labels may be
// any text: they are escaped, and what is not UTF-8 becomes U+FFFD. Pure.
std::string TextForm(std::vector<FamilyReading> families);

}  // namespace batuta::metrics
