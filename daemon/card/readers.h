#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

#include "common/types/repo_id.h"
#include "daemon/card/facts.h"
#include "daemon/card/folder_view.h"
#include "daemon/card/value.h"

// Reads what the files of a folder say. A file that is missing says nothing; one that cannot be read or
// understood is a warning and says nothing. Each reader adds what earlier ones have not said: the order of
// the calls is that of trust. Bounded in work and memory whatever the files are; blocking.
namespace batuta::card {

// aprender_*.json|toml|yaml|jsonl, certeza_*.…: what people and tools state for the card
// (docs/model-card.md).
void ReadRunFiles(FolderView& folder, Facts* facts);

// config.json, adapter_config.json, model_index.json, modules.json. `own_id` is the model's own: no base of
// itself.
void ReadModelConfig(FolderView& folder, std::string_view own_id, Facts* facts);

// Headers of safetensors and GGUF files: tensor types, numbers of parameters, GGUF metadata.
void ReadWeights(FolderView& folder, Facts* facts);

// trainer_state.json, training_args.json|yaml, all_results.json, eval_results.json.
void ReadTrainerFiles(FolderView& folder, Facts* facts);

// Cargo.lock, `.git`, LICENSE.
void ReadStack(FolderView& folder, Facts* facts);

// All of them.
Facts GatherFacts(FolderView& folder, const RepoId& repo);

// The parsed file; a null when there is none, or it says nothing, which is warned about.
Value ReadDocument(FolderView& folder, std::string_view path, Facts* facts);

// The paths of the folder that satisfy `wants`, sorted.
std::vector<std::string> PathsOf(FolderView& folder, absl::FunctionRef<bool(std::string_view path)> wants);

// "text-generation" of "LlamaForCausalLM" or "CAUSAL_LM"; empty when it says no single task.
std::string TaskOfArchitecture(std::string_view name);

// Is it a name that a hub model may have and a local folder hardly has: with a namespace, or a well-known
// family?
bool IsLikelyModelId(std::string_view text);

// Takes `type` or `name` for what the hub calls it: "accuracy" of "eval_accuracy".
std::string MetricId(std::string_view name);

}  // namespace batuta::card
