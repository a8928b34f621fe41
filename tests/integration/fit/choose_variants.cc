// Chooses among GGUF files on disk. Stdin: a line {"variants": [{"label", "paths"}]}, then one for each
// question,
// {"memory", "devices", "context", "target", "cache_type"}. Stdout: a line for each of these, what was chosen
// and how it is judged. The question {"infer": true}: for each pair of variants, whether the weights of one
// follow from the first header of the other: {"right", "wrong", "none"}.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include <nlohmann/json.hpp>

#include "common/machine/machine.h"
#include "daemon/fit/cache_need.h"
#include "daemon/fit/choice.h"
#include "daemon/fit/inference.h"
#include "daemon/gguf/header.h"

namespace batuta::fit {
namespace {

using nlohmann::json;

constexpr size_t kMostHeaderBytes = 24 << 20;

// What a variant is, and what can be known of it when it is asked for.
struct Variant {
  Candidate named;
  std::shared_ptr<const ModelShape> shape;
  std::shared_ptr<const Weights> weights;
  gguf::Header first;  // of its first file
  std::vector<uint64_t> part_bytes;
};

struct Part {
  gguf::Header header;
  uint64_t file_bytes = 0;
};

absl::StatusOr<Part> ReadPart(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  Part part;
  part.file_bytes = static_cast<uint64_t>(file.tellg());
  std::string bytes(std::min<uint64_t>(part.file_bytes, kMostHeaderBytes), '\0');
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  gguf::WindowSource source(bytes, part.file_bytes);
  absl::StatusOr<gguf::Header> header = gguf::ReadHeader(source);
  if (!header.ok()) return header.status();
  part.header = *std::move(header);
  return part;
}

absl::StatusOr<Variant> ReadVariant(const json& described) {
  Variant variant;
  variant.named.label = described.at("label");
  std::vector<gguf::Header> headers;
  for (const std::string path : described.at("paths")) {
    absl::StatusOr<Part> part = ReadPart(path);
    if (!part.ok()) return part.status();
    variant.named.file_bytes += part->file_bytes;
    variant.part_bytes.push_back(part->file_bytes);
    headers.push_back(std::move(part->header));
  }
  absl::StatusOr<ModelShape> shape = ShapeOfGguf(headers.front().parameters);
  if (!shape.ok()) return shape.status();
  variant.shape = std::make_shared<const ModelShape>(*std::move(shape));
  variant.weights = std::make_shared<const Weights>(WeightsOf(headers));
  variant.first = std::move(headers.front());
  return variant;
}

Machine MachineFrom(const json& question) {
  Machine machine;
  machine.memory.total_bytes = machine.memory.available_bytes = question.at("memory");
  for (const uint64_t bytes : question.at("devices")) {
    Device& device = machine.devices.emplace_back();
    device.total_bytes = device.free_bytes = bytes;
  }
  return machine;
}

Wish WishFrom(const json& question) {
  const std::string target = question.at("target");
  Wish wish;
  wish.context = question.at("context");
  wish.cache_type = ParseCacheType(question.at("cache_type").get<std::string>()).value();
  if (target == "gpu") wish.target = Target::kGpu;
  if (target == "hybrid") wish.target = Target::kHybrid;
  if (target == "cpu") wish.target = Target::kCpu;
  return wish;
}

// As the daemon goes about it: first names and sizes, then what is asked for.
json Answer(const std::vector<Variant>& variants, const json& question) {
  const Machine machine = MachineFrom(question);
  const Wish wish = WishFrom(question);
  std::vector<Candidate> candidates;
  for (const Variant& variant : variants) candidates.push_back(variant.named);
  int headers = 0;
  while (true) {
    const Question next = NextQuestion(candidates, machine, wish);
    if (next.about == Question::About::kNothing) break;
    const std::shared_ptr<const ModelShape>& shape = variants.front().shape;
    for (Candidate& candidate : candidates) candidate.shape = shape;
    if (next.about == Question::About::kTensors) {
      candidates[next.candidate].weights = variants[next.candidate].weights;
      ++headers;
    }
  }
  const Choice choice = ChooseVariant(candidates, machine, wish);
  json answer = {{"chosen", nullptr},
                 {"headers", headers},
                 {"context", choice.context},
                 {"explanation", choice.explanation}};
  if (!choice.chosen.has_value()) return answer;
  const Judgement& judgement = choice.judgements[*choice.chosen];
  answer["chosen"] = candidates[*choice.chosen].label;
  answer["fits"] = judgement.fits;
  answer["placement"] = NameOf(judgement.placement.mode);
  answer["device_layers"] = judgement.placement.device_layers;
  answer["weights"] = judgement.weights_bytes;
  answer["cache"] = judgement.cache_bytes;
  answer["compute"] = judgement.compute_bytes;
  answer["total"] = judgement.total_bytes;
  answer["exact"] = judgement.is_exact;
  return answer;
}

bool IsSame(const Weights& one, const Weights& other) {
  const auto parts = [](const LayerWeights& layer) {
    return std::tuple(layer.bytes, layer.expert_bytes, layer.largest_bytes, layer.largest_expert_bytes);
  };
  const auto sums = [](const Weights& weights) {
    return std::tuple(weights.embedding_bytes, weights.output_bytes, weights.tied_bytes, weights.other_bytes,
                      weights.total_bytes, weights.parameters);
  };
  return sums(one) == sums(other) && std::ranges::equal(one.layers, other.layers, {}, parts, parts);
}

json Infer(const std::vector<Variant>& variants) {
  int right = 0;
  int wrong = 0;
  json without = json::array();
  for (const Variant& variant : variants) {
    for (const Variant& other : variants) {
      const VariantFiles files{variant.named.label, variant.part_bytes};
      const std::optional<Weights> weights = Inferred(other.first, &variant == &other, files);
      if (!weights.has_value()) {
        without.push_back(variant.named.label + " from " + other.named.label);
      } else {
        ++(IsSame(*weights, *variant.weights) ? right : wrong);
      }
    }
  }
  return {{"right", right}, {"wrong", wrong}, {"none", std::move(without)}};
}

int Run() {
  std::string line;
  std::vector<Variant> variants;
  while (std::getline(std::cin, line)) {
    const json parsed = json::parse(line);
    if (!parsed.contains("variants")) {
      const json answer = parsed.contains("infer") ? Infer(variants) : Answer(variants, parsed);
      std::cout << answer.dump() << std::endl;
      continue;
    }
    variants.clear();
    for (const json& described : parsed.at("variants")) {
      absl::StatusOr<Variant> variant = ReadVariant(described);
      if (!variant.ok()) {
        std::cerr << described.dump() << ": " << variant.status() << std::endl;
        return 1;
      }
      variants.push_back(*std::move(variant));
    }
  }
  return 0;
}

}  // namespace
}  // namespace batuta::fit

int main() {
  return batuta::fit::Run();
}
