#include "daemon/card/loss_curve.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace batuta::card {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 320;
constexpr double kLeft = 64;
constexpr double kRight = 16;
constexpr double kTop = 36;
constexpr double kBottom = 44;
constexpr size_t kMostPoints = 300;  // of one line; more are drawn as the means of groups

struct Range {
  double low = 0;
  double high = 0;

  double Share(double value) const {
    // Halves, so that the difference of two finite numbers is one.
    const double width = high / 2 - low / 2;
    return width > 0 ? (value / 2 - low / 2) / width : 0.5;
  }
};

std::vector<LossPoint> Thinned(const std::vector<LossPoint>& points) {
  if (points.size() <= kMostPoints) return points;
  std::vector<LossPoint> thinned;
  for (size_t group = 0; group < kMostPoints; ++group) {
    const size_t begin = group * points.size() / kMostPoints;
    const size_t end = (group + 1) * points.size() / kMostPoints;
    LossPoint mean;
    for (size_t i = begin; i < end; ++i) {
      mean.at += points[i].at / static_cast<double>(end - begin);
      mean.loss += points[i].loss / static_cast<double>(end - begin);
    }
    thinned.push_back(mean);
  }
  return thinned;
}

double X(const Range& range, double value) {
  return kLeft + range.Share(value) * (kWidth - kLeft - kRight);
}

double Y(const Range& range, double value) {
  return kHeight - kBottom - range.Share(value) * (kHeight - kTop - kBottom);
}

// -0.0 is written as 0.0.
std::string Coordinate(double value) {
  return fmt::format("{:.1f}", value + 0.0);
}

void AddLine(const std::vector<LossPoint>& points, const Range& xs, const Range& ys, std::string_view style,
             std::string* svg) {
  if (points.empty()) return;
  if (points.size() == 1) {
    fmt::format_to(std::back_inserter(*svg), "<circle cx=\"{}\" cy=\"{}\" r=\"3\" {}/>\n",
                   Coordinate(X(xs, points[0].at)), Coordinate(Y(ys, points[0].loss)), style);
    return;
  }
  *svg += "<polyline points=\"";
  for (size_t i = 0; i < points.size(); ++i) {
    fmt::format_to(std::back_inserter(*svg), "{}{},{}", i == 0 ? "" : " ", Coordinate(X(xs, points[i].at)),
                   Coordinate(Y(ys, points[i].loss)));
  }
  fmt::format_to(std::back_inserter(*svg), "\" {}/>\n", style);
}

void AddScales(const Range& xs, const Range& ys, std::string_view unit, std::string* svg) {
  constexpr int kSteps = 4;
  for (int i = 0; i <= kSteps; ++i) {
    const double share = static_cast<double>(i) / kSteps;
    const double loss = ys.low + share * (ys.high - ys.low);
    const double at = xs.low + share * (xs.high - xs.low);
    fmt::format_to(std::back_inserter(*svg),
                   "<line x1=\"{0}\" y1=\"{1}\" x2=\"{2}\" y2=\"{1}\" stroke=\"#ddd\"/>\n"
                   "<text x=\"{3}\" y=\"{4}\" text-anchor=\"end\">{5:.4g}</text>\n"
                   "<text x=\"{6}\" y=\"{7}\" text-anchor=\"middle\">{8:.4g}</text>\n",
                   Coordinate(kLeft), Coordinate(Y(ys, loss)), Coordinate(kWidth - kRight),
                   Coordinate(kLeft - 6), Coordinate(Y(ys, loss) + 4), loss, Coordinate(X(xs, at)),
                   Coordinate(kHeight - kBottom + 18), at);
  }
  fmt::format_to(std::back_inserter(*svg), "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                 Coordinate(kLeft + (kWidth - kLeft - kRight) / 2), Coordinate(kHeight - 8), unit);
}

void AddLegend(double x, std::string_view name, std::string_view style, std::string* svg) {
  fmt::format_to(std::back_inserter(*svg),
                 "<line x1=\"{}\" y1=\"18\" x2=\"{}\" y2=\"18\" {}/>\n<text x=\"{}\" y=\"22\">{}</text>\n",
                 Coordinate(x), Coordinate(x + 24), style, Coordinate(x + 30), name);
}

void Extend(Range* range, double value) {
  range->low = std::min(range->low, value);
  range->high = std::max(range->high, value);
}

}  // namespace

std::string LossCurve(const LossLog& log) {
  const std::vector<LossPoint> training = Thinned(log.training);
  const std::vector<LossPoint> evaluation = Thinned(log.evaluation);
  if (training.size() < 2 && evaluation.size() < 2) return {};
  const LossPoint& first = training.empty() ? evaluation.front() : training.front();
  Range xs{first.at, first.at};
  Range ys{first.loss, first.loss};
  for (const std::vector<LossPoint>* points : {&training, &evaluation}) {
    for (const LossPoint& point : *points) {
      Extend(&xs, point.at);
      Extend(&ys, point.loss);
    }
  }
  constexpr std::string_view kTraining = "fill=\"none\" stroke=\"#2563eb\" stroke-width=\"1.5\"";
  constexpr std::string_view kEvaluation =
      "fill=\"none\" stroke=\"#ea580c\" stroke-width=\"1.5\" stroke-dasharray=\"5 3\"";
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\" fill=\"#444\">\n<title>Loss</title>\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      kWidth, kHeight);
  AddScales(xs, ys, log.unit, &svg);
  AddLine(training, xs, ys, kTraining, &svg);
  AddLine(evaluation, xs, ys, kEvaluation, &svg);
  double x = kLeft;
  if (!training.empty()) AddLegend(x, "training loss", kTraining, &svg);
  if (!training.empty()) x += 150;
  if (!evaluation.empty()) AddLegend(x, "evaluation loss", kEvaluation, &svg);
  return svg + "</svg>\n";
}

}  // namespace batuta::card
