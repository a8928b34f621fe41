#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "common/types/repo_id.h"
#include "daemon/card/carried_text.h"
#include "daemon/card/losses.h"
#include "daemon/card/readers.h"

namespace batuta::card {
namespace {

// What a training program is told that bears on the result. The others (where to write, what to report to
// whom) are nobody's business.
constexpr std::array<std::string_view, 50> kHyperparameters = {"learning_rate",
                                                               "per_device_train_batch_size",
                                                               "per_device_eval_batch_size",
                                                               "train_batch_size",
                                                               "eval_batch_size",
                                                               "gradient_accumulation_steps",
                                                               "num_train_epochs",
                                                               "max_steps",
                                                               "seed",
                                                               "data_seed",
                                                               "optim",
                                                               "optimizer",
                                                               "adam_beta1",
                                                               "adam_beta2",
                                                               "adam_epsilon",
                                                               "weight_decay",
                                                               "max_grad_norm",
                                                               "lr_scheduler_type",
                                                               "warmup_ratio",
                                                               "warmup_steps",
                                                               "label_smoothing_factor",
                                                               "fp16",
                                                               "bf16",
                                                               "tf32",
                                                               "gradient_checkpointing",
                                                               "group_by_length",
                                                               "neftune_noise_alpha",
                                                               "max_seq_length",
                                                               "max_length",
                                                               "max_prompt_length",
                                                               "beta",
                                                               "packing",
                                                               "loss_type",
                                                               "lora_r",
                                                               "lora_alpha",
                                                               "lora_dropout",
                                                               "batch_size",
                                                               "epochs",
                                                               "momentum",
                                                               "dropout",
                                                               "temperature",
                                                               "num_generations",
                                                               "full_determinism",
                                                               "auto_find_batch_size",
                                                               "dataloader_drop_last",
                                                               "block_size",
                                                               "mlm_probability",
                                                               "freeze_encoder",
                                                               "label_smoothing",
                                                               "distributed_type"};

void ReadTrainingArguments(FolderView& folder, Facts* facts) {
  for (const std::string_view path : {"training_args.json", "training_args.yaml", "training_args.yml"}) {
    const Value arguments = ReadDocument(folder, path, facts);
    if (arguments.kind != Value::Kind::kMap) continue;
    for (const std::string_view name : kHyperparameters) {
      const Value* value = arguments.Find(name);
      if (value == nullptr || !value->is_scalar()) continue;
      const bool is_off = (value->kind == Value::Kind::kBool && value->text == "false") ||
                          (name == "max_steps" && value->text.starts_with('-'));
      if (is_off) continue;
      facts->Add(&facts->hyperparameters, name, CarriedText(value->text), path, "hyperparameters");
      facts->was_trained = true;
    }
    const std::string dataset = CarriedText(arguments.Text("dataset_name"));
    if (RepoId::Parse(RepoType::kDataset, dataset).ok()) {
      facts->Say(&facts->training_datasets, {dataset}, path, "datasets");
      facts->Say(&facts->evaluated_dataset, dataset, path, "datasets");
      facts->Say(&facts->evaluated_config, CarriedText(arguments.Text("dataset_config_name"), 80), path,
                 "datasets");
    }
    const std::string base = CarriedText(arguments.Text("model_name_or_path"));
    if (facts->loaded_from.empty() && IsLikelyModelId(base)) {
      facts->loaded_from = base;
      facts->Credit(path, "base model");
    }
  }
}

// Times and counts that a trainer reports beside what it measures.
bool IsMeasurement(std::string_view name) {
  constexpr std::array<std::string_view, 8> kEndings = {
      "runtime", "per_second", "_samples", "_time", "epoch", "_flos", "_step", "num_input_tokens_seen"};
  if (name.find("_mem_") != std::string_view::npos || name == "step") return false;
  return std::none_of(kEndings.begin(), kEndings.end(),
                      [name](std::string_view ending) { return name.ends_with(ending); });
}

// What stands under `eval_…`, `test_…` and `predict_…`.
void ReadMeasurements(const Value& values, std::string_view path, Facts* facts) {
  if (values.kind != Value::Kind::kMap) return;
  for (size_t i = 0; i < values.names.size(); ++i) {
    const std::string& name = values.names[i];
    const bool is_evaluation = name.starts_with("eval_");
    const bool is_test = name.starts_with("test_") || name.starts_with("predict_");
    const bool is_plain = name == "perplexity";
    if (!(is_evaluation || is_test || is_plain) || values.items[i].kind != Value::Kind::kNumber ||
        !IsMeasurement(name)) {
      continue;
    }
    Result result;
    result.metric = CarriedText(MetricId(name), 60);
    if (result.metric.empty() || !IsCarriedName(result.metric)) continue;
    result.task = facts->pipeline_tag;
    result.dataset = {facts->evaluated_dataset, facts->evaluated_dataset, facts->evaluated_config,
                      is_test ? "test" : "", ""};
    result.value = values.items[i].text;
    result.source = path;
    facts->was_trained = true;
    facts->Add(std::move(result));
  }
}

// At the top, or that of the last checkpoint.
std::string TrainerStatePath(FolderView& folder) {
  constexpr std::string_view kName = "trainer_state.json";
  std::string best;
  uint64_t best_step = 0;
  const auto is_state = [kName](std::string_view path) {
    return path == kName || (path.starts_with("checkpoint-") && path.ends_with(kName));
  };
  for (const std::string& path : PathsOf(folder, is_state)) {
    if (path == kName) return path;
    uint64_t step = 0;
    const std::string_view number = std::string_view(path).substr(std::string_view("checkpoint-").size());
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), step);
    const std::string_view rest = number.substr(static_cast<size_t>(end - number.data()));
    if (error != std::errc() || rest != "/trainer_state.json" || (!best.empty() && step <= best_step))
      continue;
    best = path;
    best_step = step;
  }
  return best;
}

void ReadTrainerState(FolderView& folder, Facts* facts) {
  const std::string path = TrainerStatePath(folder);
  if (path.empty()) return;
  const Value state = ReadDocument(folder, path, facts);
  if (state.kind != Value::Kind::kMap) return;
  const Value* history = state.Find("log_history");
  if (history != nullptr) {
    ReadLosses(*history, path, facts);
    const Value* last = nullptr;
    for (const Value& entry : history->items) {
      if (entry.Find("eval_loss") != nullptr || entry.Find("eval_runtime") != nullptr) last = &entry;
      facts->Add(&facts->training_course, "Mean training loss", CarriedText(entry.Text("train_loss"), 40),
                 path, "training course");
    }
    if (last != nullptr) ReadMeasurements(*last, path, facts);
  }
  for (const auto& [name, key] : {std::pair{"Steps", "global_step"}, std::pair{"Epochs", "epoch"}}) {
    const Value* number = state.Find(key);
    if (number == nullptr || number->kind != Value::Kind::kNumber) continue;
    facts->was_trained = true;
    facts->Add(&facts->training_course, name, number->text, path, "training course");
  }
}

void ReadResultFiles(FolderView& folder, Facts* facts) {
  for (const std::string_view path : {"eval_results.json", "test_results.json", "all_results.json"}) {
    const Value results = ReadDocument(folder, path, facts);
    ReadMeasurements(results, path, facts);
    const Value* loss = results.Find("train_loss");
    if (loss == nullptr || loss->kind != Value::Kind::kNumber) continue;
    facts->was_trained = true;
    facts->Add(&facts->training_course, "Mean training loss", loss->text, path, "training course");
  }
}

}  // namespace

void ReadTrainerFiles(FolderView& folder, Facts* facts) {
  ReadTrainingArguments(folder, facts);
  ReadResultFiles(folder, facts);
  ReadTrainerState(folder, facts);
}

}  // namespace batuta::card
