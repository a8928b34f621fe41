#include <array>

#include <fmt/format.h>

#include "daemon/card/carried_text.h"
#include "daemon/card/readers.h"
#include "daemon/dependency/sources.h"

namespace batuta::card {
namespace {

constexpr std::string_view kConfig = "config.json";
constexpr std::string_view kAdapter = "adapter_config.json";
constexpr size_t kMostAdapterBytes = 1 << 20;

struct ShapeName {
  std::string_view shown;
  std::array<std::string_view, 4> keys;  // the first that is there counts
};

// What tells most of the shape of a model, and the names that families give it.
constexpr std::array kShape = {
    ShapeName{"Layers", {"num_hidden_layers", "n_layer", "num_layers", "n_layers"}},
    ShapeName{"Hidden size", {"hidden_size", "n_embd", "d_model", "dim"}},
    ShapeName{"Feed-forward size", {"intermediate_size", "n_inner", "d_ff", "ffn_dim"}},
    ShapeName{"Attention heads", {"num_attention_heads", "n_head", "num_heads", "n_heads"}},
    ShapeName{"Key-value heads", {"num_key_value_heads", "n_kv_heads"}},
    ShapeName{"Experts", {"num_local_experts", "n_routed_experts", "num_experts"}},
    ShapeName{"Vocabulary", {"vocab_size"}},
    ShapeName{"Context length", {"max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"}},
    ShapeName{"Image size", {"image_size"}},
    ShapeName{"Number type", {"torch_dtype", "dtype"}},
};

void ReadShape(const Value& config, Facts* facts) {
  for (const ShapeName& name : kShape) {
    const auto& [first, second, third, fourth] = name.keys;
    const Value* found = config.FindAny({first, second, third, fourth});
    if (found == nullptr || !found->is_scalar()) continue;
    facts->Add(&facts->architecture, name.shown, CarriedText(found->text, 40), kConfig, "architecture");
  }
  const Value* labels = config.Find("id2label");
  if (labels != nullptr && labels->kind == Value::Kind::kMap && labels->items.size() > 2) {
    facts->Add(&facts->architecture, "Labels", fmt::format("{}", labels->items.size()), kConfig,
               "architecture");
  }
}

void ReadQuantization(const Value& config, Facts* facts) {
  const Value* quantization = config.FindAny({"quantization_config"});
  if (quantization == nullptr || quantization->kind != Value::Kind::kMap) return;
  facts->is_quantized = true;
  std::string method = CarriedText(quantization->Text("quant_method"), 40);
  if (method.empty()) method = "yes";
  const std::string bits = CarriedText(quantization->Text("bits"), 10);
  if (IsNumber(bits)) method += fmt::format(", {} bits", bits);
  facts->Add(&facts->architecture, "Quantised", method, kConfig, "architecture");
}

void ReadConfig(FolderView& folder, Facts* facts) {
  const Value config = ReadDocument(folder, kConfig, facts);
  if (config.kind != Value::Kind::kMap) return;
  const Value* architectures = config.Find("architectures");
  std::string architecture;
  if (architectures != nullptr && architectures->kind == Value::Kind::kList &&
      !architectures->items.empty()) {
    architecture = CarriedText(architectures->items.front().text, 100);
  }
  const std::string model_type = CarriedText(config.Text("model_type"), 60);
  if (!architecture.empty() || !model_type.empty()) {
    facts->Say(&facts->library, "transformers", kConfig, "library");
  }
  facts->Say(&facts->pipeline_tag, TaskOfArchitecture(architecture), kConfig, "task");
  facts->Add(&facts->architecture, "Class", architecture, kConfig, "architecture");
  facts->Say(&facts->model_kind, model_type, kConfig, "model type");
  ReadShape(config, facts);
  if (const Value* text = config.Find("text_config"); text != nullptr) ReadShape(*text, facts);
  ReadQuantization(config, facts);
  facts->Add(&facts->versions, "transformers", CarriedText(config.Text("transformers_version"), 40), kConfig,
             "versions");
  const std::string loaded_from = CarriedText(config.Text("_name_or_path"));
  if (IsLikelyModelId(loaded_from)) facts->loaded_from = loaded_from;
}

void ReadAdapter(FolderView& folder, Facts* facts) {
  const Value adapter = ReadDocument(folder, kAdapter, facts);
  if (adapter.kind != Value::Kind::kMap) return;
  facts->Say(&facts->library, "peft", kAdapter, "library");
  facts->Say(&facts->pipeline_tag, TaskOfArchitecture(adapter.Text("task_type")), kAdapter, "task");
  const std::string kind = CarriedText(adapter.Text("peft_type"), 40);
  facts->Say(&facts->model_kind, kind.empty() ? "adapter (PEFT)" : fmt::format("{} adapter (PEFT)", kind),
             kAdapter, "model type");
  if (kind == "LORA") facts->Say(&facts->tags, {"lora"}, kAdapter, "tags");
  for (const std::string_view name :
       {"r", "lora_alpha", "lora_dropout", "target_modules", "bias", "use_rslora", "use_dora",
        "num_virtual_tokens", "init_lora_weights", "revision"}) {
    const Value* value = adapter.Find(name);
    if (value == nullptr || (value->kind == Value::Kind::kBool && value->text == "false")) continue;
    facts->Add(&facts->hyperparameters, name == "revision" ? "base model revision" : name,
               CarriedValue(*value), kAdapter, "hyperparameters");
  }
  facts->Add(&facts->versions, "peft", CarriedText(adapter.Text("peft_version"), 40), kAdapter, "versions");

  const absl::StatusOr<std::string> text = ReadWhole(folder, kAdapter, kMostAdapterBytes);
  if (!text.ok()) return;
  for (const dependency::Dependency& found : dependency::FromAdapterConfig(*text)) {
    if (!facts->base_models.empty()) break;
    facts->Say(&facts->base_models, {found.base.repo.id()}, kAdapter, "base model");
    facts->base_model_relation = "adapter";
  }
}

// Pipelines of diffusers, and sentence-transformers.
void ReadCollections(FolderView& folder, Facts* facts) {
  constexpr std::string_view kIndex = "model_index.json";
  const Value index = ReadDocument(folder, kIndex, facts);
  const std::string pipeline = CarriedText(index.Text("_class_name"), 100);
  if (!pipeline.empty()) {
    facts->Say(&facts->library, "diffusers", kIndex, "library");
    facts->Add(&facts->architecture, "Class", pipeline, kIndex, "architecture");
    facts->Say(&facts->model_kind, "pipeline of diffusers", kIndex, "model type");
    const bool makes_images = pipeline.starts_with("StableDiffusion") || pipeline.starts_with("Flux") ||
                              pipeline.starts_with("PixArt") || pipeline.starts_with("Sana");
    if (pipeline.find("Img2Img") != std::string::npos) {
      facts->Say(&facts->pipeline_tag, "image-to-image", kIndex, "task");
    } else if (makes_images && pipeline.find("Inpaint") == std::string::npos) {
      facts->Say(&facts->pipeline_tag, "text-to-image", kIndex, "task");
    }
    facts->Add(&facts->versions, "diffusers", CarriedText(index.Text("_diffusers_version"), 40), kIndex,
               "versions");
  }

  constexpr std::string_view kModules = "modules.json";
  const Value modules = ReadDocument(folder, kModules, facts);
  if (modules.kind != Value::Kind::kList || modules.items.empty()) return;
  if (!modules.items.front().Text("type").starts_with("sentence_transformers.")) return;
  facts->Say(&facts->library, "sentence-transformers", kModules, "library");
  facts->Say(&facts->pipeline_tag, "sentence-similarity", kModules, "task");
  constexpr std::string_view kSentence = "config_sentence_transformers.json";
  const Value config = ReadDocument(folder, kSentence, facts);
  if (const Value* versions = config.Find("__version__"); versions != nullptr) {
    for (const std::string_view name : {"sentence_transformers", "transformers", "pytorch"}) {
      facts->Add(&facts->versions, name, CarriedText(versions->Text(name), 40), kSentence, "versions");
    }
  }
}

}  // namespace

void ReadModelConfig(FolderView& folder, std::string_view own_id, Facts* facts) {
  ReadAdapter(folder, facts);
  ReadCollections(folder, facts);
  ReadConfig(folder, facts);
  std::erase(facts->base_models, own_id);
}

}  // namespace batuta::card
