#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/card/carried_text.h"
#include "daemon/card/readers.h"
#include "daemon/dependency/sources.h"
#include "daemon/gguf/header.h"
#include "daemon/gguf/tensor_type.h"

namespace batuta::card {
namespace {

constexpr size_t kMostHeaderBytes = 8 << 20;
constexpr size_t kMostFiles = 256;  // of each format

// `model-00001-of-00003.safetensors` is a part of `model.safetensors`.
std::string WithoutPart(std::string_view path) {
  const size_t dot = path.rfind('.');
  const std::string_view stem = path.substr(0, dot);
  constexpr size_t kLength = 15;  // -00001-of-00003
  if (stem.size() <= kLength) return std::string(path);
  const std::string_view part = stem.substr(stem.size() - kLength);
  for (size_t i = 0; i < part.size(); ++i) {
    const std::string_view shape = "-#####-of-#####";
    const bool fits = shape[i] == '#' ? part[i] >= '0' && part[i] <= '9' : part[i] == shape[i];
    if (!fits) return std::string(path);
  }
  return fmt::format("{}{}", stem.substr(0, stem.size() - kLength), path.substr(dot));
}

void AddElements(const std::string& type, uint64_t elements, Weights* weights) {
  uint64_t& sum = weights->elements[type];
  if (__builtin_add_overflow(sum, elements, &sum)) sum = UINT64_MAX;
}

// Nothing when the shape is none.
std::optional<uint64_t> ElementsOf(const Value& tensor) {
  const Value* shape = tensor.Find("shape");
  if (shape == nullptr || shape->kind != Value::Kind::kList) return std::nullopt;
  uint64_t elements = 1;
  for (const Value& size : shape->items) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(size.text.data(), size.text.data() + size.text.size(), number);
    if (error != std::errc() || end != size.text.data() + size.text.size()) return std::nullopt;
    if (__builtin_mul_overflow(elements, number, &elements)) return std::nullopt;
  }
  return elements;
}

absl::Status ReadSafetensors(FolderView& folder, const std::string& path, Weights* weights) {
  ASSIGN_OR_RETURN(const std::unique_ptr<gguf::ByteSource> file, folder.Open(path));
  ASSIGN_OR_RETURN(const std::string head, ReadPart(*file, 0, 8));
  if (head.size() < 8) return absl::InvalidArgumentError("no safetensors file");
  uint64_t length = 0;
  std::memcpy(&length, head.data(), sizeof(length));
  if (length > file->size_bytes() - head.size()) return absl::InvalidArgumentError("no safetensors file");
  if (length > kMostHeaderBytes) return absl::ResourceExhaustedError("a larger header than is read");
  ASSIGN_OR_RETURN(const std::string text, ReadPart(*file, head.size(), static_cast<size_t>(length)));
  ASSIGN_OR_RETURN(const Value header, ParseJson(text));
  if (header.kind != Value::Kind::kMap) return absl::InvalidArgumentError("no safetensors file");
  Weights found;
  for (size_t i = 0; i < header.names.size(); ++i) {
    if (header.names[i] == "__metadata__") continue;
    const std::string type = CarriedText(header.items[i].Text("dtype"), 20);
    const std::optional<uint64_t> elements = ElementsOf(header.items[i]);
    if (type.empty() || !elements) return absl::InvalidArgumentError("a tensor without type or shape");
    AddElements(type, *elements, &found);
  }
  for (const auto& [type, elements] : found.elements) AddElements(type, elements, weights);
  return absl::OkStatus();
}

// The weights of the model itself, where a folder has several: what lies at the top and is no copy in another
// form; else what its components (`unet/…`) have, without those of checkpoints.
std::vector<std::string> SafetensorsToRead(FolderView& folder) {
  std::vector<std::string> top = PathsOf(folder, [](std::string_view path) {
    return path.ends_with(".safetensors") && path.find('/') == std::string_view::npos;
  });
  for (const std::string_view whole : {"model.safetensors", "adapter_model.safetensors"}) {
    std::vector<std::string> set;
    for (const std::string& path : top) {
      if (WithoutPart(path) == whole) set.push_back(path);
    }
    if (!set.empty()) return set;
  }
  if (!top.empty()) return top;
  return PathsOf(folder, [](std::string_view path) {
    return path.ends_with(".safetensors") && path.find("checkpoint-") == std::string_view::npos &&
           path.find(".fp16.") == std::string_view::npos;
  });
}

Weights* SetOf(const std::string& path, std::string_view format, Facts* facts) {
  std::string name = WithoutPart(path);
  for (Weights& weights : facts->weights) {
    if (weights.name == name) return &weights;
  }
  facts->weights.push_back({std::move(name), std::string(format), {}});
  return &facts->weights.back();
}

void ReadGgufFacts(const gguf::Header& header, const std::string& path, Facts* facts) {
  const gguf::Metadata& metadata = header.parameters.metadata;
  const auto text = [&metadata](std::string_view key) {
    return CarriedText(metadata.Text(key).value_or(std::string_view()));
  };
  facts->Say(&facts->name, text("general.name"), path, "name");
  facts->Say(&facts->license, text("general.license"), path, "license");
  facts->Say(&facts->model_kind, CarriedText(header.parameters.architecture, 60), path, "model type");
  for (const auto& [shown, key] :
       {std::pair{"Layers", "block_count"}, std::pair{"Hidden size", "embedding_length"},
        std::pair{"Attention heads", "attention.head_count"},
        std::pair{"Key-value heads", "attention.head_count_kv"},
        std::pair{"Context length", "context_length"}}) {
    const auto number = header.parameters.Number(key);
    if (number) facts->Add(&facts->architecture, shown, fmt::format("{}", *number), path, "architecture");
  }
  if (!facts->base_models.empty()) return;
  std::vector<std::string> bases;
  for (const dependency::Dependency& base : dependency::FromGguf(metadata)) {
    bases.push_back(base.base.repo.id());
    facts->base_model_relation = dependency::ToString(base.relation);
  }
  facts->Say(&facts->base_models, bases, path, "base model");
}

void ReadGgufs(FolderView& folder, Facts* facts) {
  std::vector<std::string> paths =
      PathsOf(folder, [](std::string_view path) { return path.ends_with(".gguf"); });
  // A projector goes with a model, and says nothing of it.
  std::stable_partition(paths.begin(), paths.end(),
                        [](const std::string& path) { return path.find("mmproj") == std::string::npos; });
  if (paths.size() > kMostFiles) {
    facts->Warn(paths[kMostFiles], "and later ones: more GGUF files than are read");
    paths.resize(kMostFiles);
  }
  for (const std::string& path : paths) {
    absl::StatusOr<std::unique_ptr<gguf::ByteSource>> file = folder.Open(path);
    if (!file.ok()) {
      facts->Warn(path, MessageOf(file.status()));
      continue;
    }
    const absl::StatusOr<gguf::Header> header = gguf::ReadHeader(**file);
    if (!header.ok()) {
      facts->Warn(path, fmt::format("left out: {}", MessageOf(header.status())));
      continue;
    }
    ReadGgufFacts(*header, path, facts);
    Weights* weights = SetOf(path, "GGUF", facts);
    for (const gguf::Tensor& tensor : header->tensors) {
      const gguf::TensorType* type = gguf::FindTensorType(tensor.type);
      AddElements(type != nullptr ? std::string(type->name) : gguf::ForeignTypeName(tensor.type),
                  tensor.elements(), weights);
    }
    facts->Credit(path, "tensor types and parameters");
    facts->Say(&facts->tags, {"gguf"}, path, "tags");
  }
}

}  // namespace

void ReadWeights(FolderView& folder, Facts* facts) {
  std::vector<std::string> paths = SafetensorsToRead(folder);
  if (paths.size() > kMostFiles) {
    facts->Warn(paths.front(), "and others: more safetensors files than are read");
    paths.clear();
  }
  for (const std::string& path : paths) {
    Weights read;
    if (const absl::Status status = ReadSafetensors(folder, path, &read); !status.ok()) {
      facts->Warn(path, fmt::format("left out: {}", MessageOf(status)));
      continue;
    }
    Weights* weights = SetOf(path, "safetensors", facts);
    for (const auto& [type, elements] : read.elements) AddElements(type, elements, weights);
    facts->Credit(path, "tensor types and parameters");
  }
  ReadGgufs(folder, facts);
}

}  // namespace batuta::card
