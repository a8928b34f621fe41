#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/card/readers.h"

namespace batuta::card {
namespace {

constexpr size_t kMostDocumentBytes = 8 << 20;

struct TaskName {
  std::string_view part;  // of an architecture's name, or the whole of an adapter's task
  std::string_view task;
};

// A name that several tasks share (`…ForConditionalGeneration`) is left out: the hub then finds out by
// itself.
constexpr std::array kTasks = {
    TaskName{"ForCausalLM", "text-generation"},
    TaskName{"LMHeadModel", "text-generation"},
    TaskName{"ForSequenceClassification", "text-classification"},
    TaskName{"ForTokenClassification", "token-classification"},
    TaskName{"ForQuestionAnswering", "question-answering"},
    TaskName{"ForMaskedLM", "fill-mask"},
    TaskName{"ForImageClassification", "image-classification"},
    TaskName{"ForObjectDetection", "object-detection"},
    TaskName{"ForSemanticSegmentation", "image-segmentation"},
    TaskName{"ForDepthEstimation", "depth-estimation"},
    TaskName{"ForAudioClassification", "audio-classification"},
    TaskName{"ForVideoClassification", "video-classification"},
    TaskName{"ForCTC", "automatic-speech-recognition"},
    TaskName{"WhisperForConditionalGeneration", "automatic-speech-recognition"},
    TaskName{"ForTextToWaveform", "text-to-audio"},
    TaskName{"CAUSAL_LM", "text-generation"},
    TaskName{"SEQ_CLS", "text-classification"},
    TaskName{"TOKEN_CLS", "token-classification"},
    TaskName{"QUESTION_ANS", "question-answering"},
    TaskName{"FEATURE_EXTRACTION", "feature-extraction"},
};

// What a model was loaded from is its base when it was trained after that, or quantised.
void ConcludeBase(std::string_view own_id, Facts* facts) {
  std::erase(facts->base_models, own_id);
  if (!facts->base_models.empty() || facts->loaded_from.empty() || facts->loaded_from == own_id) return;
  if (!facts->is_quantized && !facts->was_trained) return;
  facts->base_models = {facts->loaded_from};
  facts->Say(&facts->base_model_relation, facts->is_quantized ? "quantized" : "finetune", "config.json",
             "base model");
}

}  // namespace

std::string TaskOfArchitecture(std::string_view name) {
  for (const TaskName& task : kTasks) {
    if (name.ends_with(task.part)) return std::string(task.task);
  }
  return {};
}

bool IsLikelyModelId(std::string_view text) {
  constexpr std::array<std::string_view, 12> kFamilies = {"albert-",  "bart-",   "bert-", "camembert",
                                                          "distil",   "electra", "gpt2",  "openai-gpt",
                                                          "roberta-", "t5-",     "xlm-",  "xlnet-"};
  const absl::StatusOr<RepoId> id = RepoId::Parse(RepoType::kModel, text);
  if (!id.ok()) return false;
  if (!id->repo_namespace().empty()) return true;
  return std::any_of(kFamilies.begin(), kFamilies.end(),
                     [text](std::string_view family) { return text.starts_with(family); });
}

std::string MetricId(std::string_view name) {
  for (const std::string_view prefix : {"eval_", "test_", "predict_", "val_", "valid_", "validation_"}) {
    if (name.starts_with(prefix)) return std::string(name.substr(prefix.size()));
  }
  return std::string(name);
}

Value ReadDocument(FolderView& folder, std::string_view path, Facts* facts) {
  const absl::StatusOr<std::string> bytes = ReadWhole(folder, path, kMostDocumentBytes);
  if (!bytes.ok()) {
    if (!absl::IsNotFound(bytes.status())) facts->Warn(path, MessageOf(bytes.status()));
    return {};
  }
  absl::StatusOr<Value> value = ParseByName(path, *bytes);
  if (!value.ok()) {
    facts->Warn(path, fmt::format("left out: {}", MessageOf(value.status())));
    return {};
  }
  return *std::move(value);
}

std::vector<std::string> PathsOf(FolderView& folder, absl::FunctionRef<bool(std::string_view path)> wants) {
  std::vector<std::string> paths;
  for (const FolderFile& file : folder.Files()) {
    if (wants(file.path)) paths.push_back(file.path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Facts GatherFacts(FolderView& folder, const RepoId& repo) {
  Facts facts;
  ReadRunFiles(folder, &facts);
  ReadModelConfig(folder, repo.id(), &facts);
  ReadWeights(folder, &facts);
  ReadTrainerFiles(folder, &facts);
  ReadStack(folder, &facts);
  ConcludeBase(repo.id(), &facts);
  return facts;
}

}  // namespace batuta::card
