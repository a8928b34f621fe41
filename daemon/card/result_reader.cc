#include "daemon/card/result_reader.h"

#include "daemon/card/carried_text.h"
#include "daemon/card/readers.h"

namespace batuta::card {
namespace {

constexpr int kMostDepth = 5;
constexpr size_t kMostNameBytes = 100;

std::string Name(const Value& value, std::initializer_list<std::string_view> names) {
  return CarriedText(value.TextOfAny(names), kMostNameBytes);
}

// A number, also one that stands in quotes.
std::string NumberOf(const Value* value) {
  if (value == nullptr || !value->is_scalar() || !IsNumber(value->text)) return {};
  return value->text;
}

// What `value` says of the surroundings of a measurement, over what holds already.
Result Narrowed(Result result, const Value& value) {
  if (const Value* task = value.FindAny({"task", "pipeline_tag"}); task != nullptr) {
    if (task->kind == Value::Kind::kMap) {
      result.task = Name(*task, {"type", "id"});
      result.task_name = Name(*task, {"name"});
    } else {
      result.task = CarriedText(task->text, kMostNameBytes);
      result.task_name.clear();
    }
  }
  if (const Value* dataset = value.FindAny({"dataset", "benchmark"}); dataset != nullptr) {
    result.dataset = {};
    if (dataset->kind == Value::Kind::kMap) {
      result.dataset.type = Name(*dataset, {"type", "id", "name"});
      result.dataset.name = Name(*dataset, {"name", "id", "type"});
      result.dataset.config = Name(*dataset, {"config", "subset"});
      result.dataset.split = Name(*dataset, {"split"});
      result.dataset.revision = Name(*dataset, {"revision"});
    } else {
      result.dataset.type = CarriedText(dataset->text, kMostNameBytes);
      result.dataset.name = result.dataset.type;
    }
  }
  if (std::string split = Name(value, {"split"}); !split.empty()) result.dataset.split = split;
  if (std::string config = Name(value, {"config", "subset"}); !config.empty()) result.dataset.config = config;
  if (const Value* source = value.FindAny({"source"}); source != nullptr) {
    result.reported_at = CarriedUrl(source->kind == Value::Kind::kMap ? source->Text("url") : source->text);
    result.reported_by = source->kind == Value::Kind::kMap ? Name(*source, {"name"}) : std::string();
  }
  return result;
}

class Reader {
 public:
  explicit Reader(Facts* facts) : facts_(facts) {}

  // A measurement, or a map or list that holds some.
  void Read(const Value& value, const Result& around, int depth) {
    if (depth > kMostDepth) return;
    if (value.kind == Value::Kind::kList) {
      for (const Value& item : value.items) Read(item, around, depth + 1);
      return;
    }
    if (value.kind != Value::Kind::kMap) return;
    const Result here = Narrowed(around, value);
    bool holds_more = false;
    for (const std::string_view name : {"results", "evaluations", "evaluation", "metrics"}) {
      const Value* inner = value.Find(name);
      if (inner == nullptr) continue;
      holds_more = true;
      if (name == "metrics" && inner->kind == Value::Kind::kMap && inner->Find("value") == nullptr) {
        ReadMetrics(*inner, here);
      } else {
        Read(*inner, here, depth + 1);
      }
    }
    if (!holds_more) ReadMeasurement(value, here);
  }

 private:
  // `{accuracy: 0.91, f1: {value: 0.9, …}}`
  void ReadMetrics(const Value& metrics, const Result& around) {
    for (size_t i = 0; i < metrics.items.size(); ++i) {
      const Value& item = metrics.items[i];
      Result result = item.kind == Value::Kind::kMap ? Narrowed(around, item) : around;
      result.metric = CarriedText(metrics.names[i], kMostNameBytes);
      result.value = NumberOf(item.kind == Value::Kind::kMap ? item.Find("value") : &item);
      Take(std::move(result));
    }
  }

  // `{metric: accuracy, value: 0.91}`, `{type: accuracy, value: 0.91, name: Accuracy}`
  void ReadMeasurement(const Value& value, Result result) {
    const Value* metric = value.FindAny({"metric"});
    if (metric != nullptr && metric->kind == Value::Kind::kMap) {
      result.metric = Name(*metric, {"type", "id", "name"});
      result.metric_name = Name(*metric, {"name"});
    } else if (metric != nullptr) {
      result.metric = CarriedText(metric->text, kMostNameBytes);
      result.metric_name = Name(value, {"name"});
    } else {
      result.metric = Name(value, {"type", "name"});
      result.metric_name = Name(value, {"name"});
    }
    result.value = NumberOf(value.FindAny({"value", "score"}));
    Take(std::move(result));
  }

  void Take(Result result) {
    if (result.metric.empty() || result.value.empty()) return;
    if (result.metric_name == result.metric) result.metric_name.clear();
    facts_->Add(std::move(result));
  }

  Facts* const facts_;
};

}  // namespace

void ReadResults(const Value& root, std::string_view path, Facts* facts) {
  Result around;
  around.source = path;
  if (root.kind == Value::Kind::kMap) {
    // Not a file that is one measurement: its `name` and `value` are something else.
    if (root.FindAny({"results", "evaluations", "evaluation", "metrics", "metric"}) == nullptr) return;
  }
  Reader(facts).Read(root, around, 1);
}

}  // namespace batuta::card
