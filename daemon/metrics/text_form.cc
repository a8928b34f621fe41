#include "daemon/metrics/text_form.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "common/text/utf8.h"

namespace batuta::metrics {
namespace {

std::string_view ToString(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

// Whole numbers without an exponent, all others as short as they can be read back.
std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  if (std::trunc(value) == value && std::abs(value) <= kExact) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

std::string Escaped(std::string_view text, bool with_quotes) {
  std::string escaped;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = NextUtf8(text, at);
    at += step.length;
    const char32_t c = step.valid ? step.point : U'\uFFFD';
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '"' && with_quotes) {
      escaped += "\\\"";
    } else {
      AppendUtf8(escaped, c);
    }
  }
  return escaped;
}

// {kind="api",le="0.5"}; `le` is left out where it is empty.
std::string LabelText(const Labels& labels, std::string_view le) {
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? '{' : ',', name, Escaped(value, /*with_quotes=*/true));
  };
  for (const auto& [name, value] : labels) add(name, value);
  if (!le.empty()) add("le", le);
  return text.empty() ? text : text + '}';
}

void AppendHistogram(const FamilyReading& family, const Sample& sample, std::string& text) {
  for (size_t i = 0; i < sample.buckets.size(); ++i) {
    const std::string le = i < family.bounds.size() ? NumberText(family.bounds[i]) : "+Inf";
    text += fmt::format("{}_bucket{} {}\n", family.name, LabelText(sample.labels, le), sample.buckets[i]);
  }
  const std::string labels = LabelText(sample.labels, {});
  text += fmt::format("{}_sum{} {}\n", family.name, labels, NumberText(sample.value));
  text +=
      fmt::format("{}_count{} {}\n", family.name, labels, sample.buckets.empty() ? 0 : sample.buckets.back());
}

void Append(const FamilyReading& family, std::string& text) {
  if (family.samples.empty()) return;
  text += fmt::format("# HELP {} {}\n", family.name, Escaped(family.help, /*with_quotes=*/false));
  text += fmt::format("# TYPE {} {}\n", family.name, ToString(family.kind));
  for (const Sample& sample : family.samples) {
    if (family.kind == Kind::kHistogram) {
      AppendHistogram(family, sample, text);
    } else {
      text += fmt::format("{}{} {}\n", family.name, LabelText(sample.labels, {}), NumberText(sample.value));
    }
  }
}

}  // namespace

std::string TextForm(std::vector<FamilyReading> families) {
  std::ranges::sort(families, {}, &FamilyReading::name);
  std::string text;
  for (const FamilyReading& family : families) Append(family, text);
  return text;
}

}  // namespace batuta::metrics
