#include "daemon/card/losses.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace batuta::card {
namespace {

constexpr size_t kMostPoints = 200'000;
constexpr double kMostLoss = 1e30;  // beyond it there is nothing to draw

std::optional<double> NumberOf(const Value* value) {
  if (value == nullptr || !IsNumber(value->text)) return std::nullopt;
  double number = 0;
  const auto [end, error] =
      std::from_chars(value->text.data(), value->text.data() + value->text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || std::abs(number) > kMostLoss) return std::nullopt;
  return number;
}

const Value* TrainingLoss(const Value& entry) {
  return entry.FindAny({"loss", "train_loss", "training_loss"});
}

const Value* EvaluationLoss(const Value& entry) {
  return entry.FindAny({"eval_loss", "val_loss", "validation_loss", "test_loss"});
}

const Value* Position(const Value& entry, std::string_view unit) {
  return unit == "step" ? entry.FindAny({"step", "global_step", "iteration", "iter"})
                        : entry.FindAny({"epoch"});
}

void AddPoint(std::optional<double> at, std::optional<double> loss, std::vector<LossPoint>* points) {
  if (at && loss && points->size() < kMostPoints) points->push_back({*at, *loss});
}

void ReadEntries(const Value& list, LossLog* log) {
  const bool has_steps = std::any_of(list.items.begin(), list.items.end(),
                                     [](const Value& entry) { return Position(entry, "step") != nullptr; });
  log->unit = has_steps ? "step" : "epoch";
  double counted = 0;
  for (const Value& entry : list.items) {
    if (entry.kind != Value::Kind::kMap) continue;
    const Value* position = Position(entry, log->unit);
    ++counted;
    const std::optional<double> at = position != nullptr ? NumberOf(position) : counted;
    // A trainer's last entry sums up the run; what it calls `train_loss` is no point of the curve.
    if (entry.Find("train_runtime") == nullptr) AddPoint(at, NumberOf(TrainingLoss(entry)), &log->training);
    AddPoint(at, NumberOf(EvaluationLoss(entry)), &log->evaluation);
  }
}

void ReadColumn(const Value* column, const Value* positions, std::vector<LossPoint>* points) {
  if (column == nullptr || column->kind != Value::Kind::kList) return;
  const bool has_positions = positions != nullptr && positions->items.size() == column->items.size();
  for (size_t i = 0; i < column->items.size(); ++i) {
    const auto at = has_positions ? NumberOf(&positions->items[i]) : static_cast<double>(i + 1);
    AddPoint(at, NumberOf(&column->items[i]), points);
  }
}

void ReadColumns(const Value& map, LossLog* log) {
  const Value* steps = Position(map, "step");
  const Value* positions = steps != nullptr ? steps : Position(map, "epoch");
  log->unit = steps != nullptr ? "step" : "epoch";
  ReadColumn(TrainingLoss(map), positions, &log->training);
  ReadColumn(EvaluationLoss(map), positions, &log->evaluation);
}

}  // namespace

bool ReadLosses(const Value& log, std::string_view path, Facts* facts) {
  LossLog found;
  if (log.kind == Value::Kind::kList) {
    ReadEntries(log, &found);
  } else if (log.kind == Value::Kind::kMap) {
    ReadColumns(log, &found);
  }
  if (found.empty()) return false;
  facts->was_trained = true;
  if (!facts->losses.empty()) return true;
  const auto earlier = [](const LossPoint& a, const LossPoint& b) { return a.at < b.at; };
  std::stable_sort(found.training.begin(), found.training.end(), earlier);
  std::stable_sort(found.evaluation.begin(), found.evaluation.end(), earlier);
  found.source = path;
  facts->losses = std::move(found);
  facts->Credit(path, "loss");
  return true;
}

}  // namespace batuta::card
