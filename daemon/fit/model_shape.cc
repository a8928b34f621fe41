#include "daemon/fit/model_shape.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/fit/architecture.h"

namespace batuta::fit {
namespace {

// Far above what any model has, and low enough that sums of products fit 64 bits.
constexpr uint64_t kMostLayers = 1024;
constexpr uint64_t kMostHeads = 1 << 16;
constexpr uint64_t kMostWidth = 1 << 22;
constexpr uint64_t kMostTokens = uint64_t{1} << 31;
constexpr uint64_t kMostGroups = 1 << 12;

// Reads numbers of an architecture, and remembers the first one that is absurd.
class Numbers {
 public:
  explicit Numbers(const gguf::HyperParameters& parameters) : parameters_(parameters) {}

  bool Has(std::string_view key) const { return !parameters_.Numbers(key).empty(); }

  uint64_t Get(std::string_view key, uint64_t missing, uint64_t most) {
    const std::vector<int64_t> values = parameters_.Numbers(key);
    if (values.empty()) return missing;
    if (values.size() > 1) return Most(values, key, most);
    return Checked(values.front(), key, most);
  }

  // One for each of the layers.
  std::vector<uint64_t> OfLayers(std::string_view key, const std::vector<uint64_t>& missing, uint64_t most) {
    const std::vector<int64_t> values = parameters_.Numbers(key);
    if (values.empty()) return missing;
    std::vector<uint64_t> numbers(missing.size());
    if (values.size() > 1 && values.size() < numbers.size()) {
      Fail(fmt::format("{} has {} values for {} layers", key, values.size(), numbers.size()));
      return numbers;
    }
    for (size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = Checked(values.size() == 1 ? values.front() : values[i], key, most);
    }
    return numbers;
  }

  const absl::Status& status() const { return status_; }

 private:
  uint64_t Most(const std::vector<int64_t>& values, std::string_view key, uint64_t most) {
    return Checked(*std::max_element(values.begin(), values.end()), key, most);
  }

  uint64_t Checked(int64_t value, std::string_view key, uint64_t most) {
    if (value >= 0 && static_cast<uint64_t>(value) <= most) return static_cast<uint64_t>(value);
    Fail(fmt::format("{} is {}", key, value));
    return 0;
  }

  void Fail(const std::string& what) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(fmt::format("an impossible model: {}", what));
  }

  const gguf::HyperParameters& parameters_;
  absl::Status status_;
};

bool Varies(const std::vector<uint64_t>& numbers) {
  return !std::all_of(numbers.begin(), numbers.end(), [&](uint64_t number) { return number == numbers[0]; });
}

// Of one recurrent layer, by the keys that the file has.
uint64_t StateBytes(Numbers& numbers, uint64_t embedding, uint64_t heads) {
  constexpr uint64_t kElementBytes = 4;
  if (const uint64_t width = numbers.Get("kda.head_dim", 0, kMostGroups); width > 0) {
    const uint64_t taps = numbers.Get("ssm.conv_kernel", 4, kMostGroups);
    return kElementBytes * (3 * (std::max<uint64_t>(taps, 1) - 1) * heads * width + width * width * heads);
  }
  if (const uint64_t width = numbers.Get("wkv.head_size", 0, kMostGroups); width > 0) {
    const uint64_t shifts = numbers.Get("token_shift_count", 2, kMostGroups);
    return kElementBytes * (shifts * embedding + embedding * width);
  }
  if (const uint64_t taps = numbers.Get("shortconv.l_cache", 0, kMostGroups); taps > 0) {
    return kElementBytes * embedding * (taps - 1);
  }
  const uint64_t inner = numbers.Get("ssm.inner_size", 0, kMostWidth);
  if (inner == 0) return 0;
  const uint64_t taps = numbers.Get("ssm.conv_kernel", 4, kMostGroups);
  const uint64_t state = numbers.Get("ssm.state_size", 0, kMostHeads);
  const uint64_t groups = numbers.Get("ssm.group_count", 0, kMostGroups);
  return kElementBytes * ((std::max<uint64_t>(taps, 1) - 1) * (inner + 2 * groups * state) + state * inner);
}

// Does layer `i` keep an attention cache, a state, both?
struct Keeps {
  bool attention = true;
  bool state = false;
};

Keeps KeepsOf(Recurrence recurrence, bool is_known, size_t i, uint64_t key_heads, uint64_t feed_forward,
              uint64_t interval) {
  switch (recurrence) {
    case Recurrence::kAll:
      return {false, true};
    case Recurrence::kWithoutHeads:
      return {key_heads > 0, key_heads == 0};
    case Recurrence::kBoth:
      return {true, true};
    case Recurrence::kInterval: {
      const bool is_full = interval == 0 || (i + 1) % interval == 0;
      return {is_full, !is_full};
    }
    case Recurrence::kNemotron:
      return {key_heads > 0 && feed_forward == 0, key_heads == 0 && feed_forward == 0};
    case Recurrence::kNone:
      break;
  }
  // Of what is not known, a state is assumed where the file speaks of one.
  return {key_heads > 0, !is_known};
}

// Which layers see a window only; empty = none does.
std::vector<bool> WindowedLayers(const Architecture& architecture, Numbers& numbers, size_t layers) {
  std::vector<bool> windowed(layers, false);
  uint64_t period = architecture.period;
  if (architecture.reads_pattern) {
    constexpr std::string_view kPattern = "attention.sliding_window_pattern";
    const auto pattern = numbers.OfLayers(kPattern, std::vector<uint64_t>(layers, 0), kMostLayers);
    if (pattern.empty()) return windowed;
    const bool is_period = !Varies(pattern) && pattern[0] > 1;
    if (!is_period) {
      for (size_t i = 0; i < layers; ++i) windowed[i] = pattern[i] != 0;
      return windowed;
    }
    period = pattern[0];
  }
  if (period == 0) return windowed;
  for (size_t i = 0; i < layers; ++i) {
    windowed[i] = architecture.is_first_full ? i % period != 0 : i % period < period - 1;
  }
  return windowed;
}

// Layers from here on have no cache of their own.
size_t LayersWithCache(const Architecture& architecture, Numbers& numbers, size_t layers) {
  size_t with_cache = layers;
  if (!architecture.predicts_with_cache) {
    with_cache -= std::min<size_t>(numbers.Get("nextn_predict_layers", 0, kMostLayers), with_cache);
  }
  if (architecture.layers_with_cache > 0) {
    return std::min<size_t>(with_cache, architecture.layers_with_cache);
  }
  return with_cache - std::min<size_t>(numbers.Get("attention.shared_kv_layers", 0, kMostLayers), with_cache);
}

// Widths of keys and values of a head.
struct Widths {
  uint64_t key = 0;
  uint64_t value = 0;
  uint64_t windowed_key = 0;
  uint64_t windowed_value = 0;
};

Widths WidthsOf(Numbers& numbers, uint64_t embedding, uint64_t heads) {
  const uint64_t usual = heads == 0 ? 0 : embedding / heads;
  Widths widths;
  widths.key = numbers.Get("attention.key_length", usual, kMostWidth);
  widths.value = numbers.Get("attention.value_length", usual, kMostWidth);
  widths.windowed_key = numbers.Get("attention.key_length_swa", widths.key, kMostWidth);
  widths.windowed_value = numbers.Get("attention.value_length_swa", widths.value, kMostWidth);
  return widths;
}

void SetFeedForward(Numbers& numbers, const std::vector<uint64_t>& of_layers, ModelShape& shape) {
  const uint64_t dense = *std::max_element(of_layers.begin(), of_layers.end());
  const uint64_t layers = of_layers.size();
  shape.experts = numbers.Get("expert_count", 0, kMostHeads);
  shape.feed_forward = dense;
  if (shape.experts == 0) return;
  const uint64_t used = numbers.Get("expert_used_count", 1, kMostHeads);
  shape.feed_forward = used * numbers.Get("expert_feed_forward_length", dense, kMostWidth);
  const uint64_t dense_layers = numbers.Get("leading_dense_block_count", 0, kMostLayers);
  const uint64_t step = std::max<uint64_t>(numbers.Get("interleave_moe_layer_step", 1, kMostLayers), 1);
  shape.expert_layers = std::max<uint64_t>((layers - std::min(dense_layers, layers)) / step, 1);
}

// The files of adapters, projectors and the like are not models, whatever their names say.
absl::Status CheckKind(const gguf::HyperParameters& parameters) {
  const std::string_view kind = parameters.metadata.Text("general.type").value_or("model");
  if (kind != "model") {
    return absl::FailedPreconditionError(fmt::format("no model: its type is {}", Quoted(kind)));
  }
  if (parameters.architecture == "clip") return absl::FailedPreconditionError("no model: a projector");
  if (parameters.architecture.empty()) return absl::InvalidArgumentError("it names no architecture");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelShape> ShapeOfGguf(const gguf::HyperParameters& parameters) {
  if (absl::Status status = CheckKind(parameters); !status.ok()) return status;
  const Architecture* known = FindArchitecture(parameters.architecture);
  const Architecture architecture = known != nullptr ? *known : Architecture{};
  Numbers numbers(parameters);

  ModelShape shape;
  shape.architecture = parameters.architecture;
  shape.trained_context = numbers.Get("context_length", 0, kMostTokens);
  shape.embedding = numbers.Get("embedding_length", 0, kMostWidth);
  shape.vocabulary = numbers.Get("vocab_size", std::min(parameters.token_count, kMostTokens), kMostTokens);
  shape.has_output = architecture.has_output;
  const uint64_t layers = numbers.Get("block_count", 0, kMostLayers);
  if (!numbers.status().ok()) return numbers.status();
  if (layers == 0 || shape.embedding == 0) {
    return absl::InvalidArgumentError("it does not tell its layers and their width");
  }
  shape.layer_embedding = layers * numbers.Get("embedding_length_per_layer_input", 0, kMostHeads);

  const std::vector<uint64_t> none(layers, 0);
  const auto heads = numbers.OfLayers("attention.head_count", none, kMostHeads);
  const auto key_heads = numbers.OfLayers("attention.head_count_kv", heads, kMostHeads);
  const auto feed_forward = numbers.OfLayers("feed_forward_length", none, kMostWidth);
  shape.heads = *std::max_element(heads.begin(), heads.end());
  SetFeedForward(numbers, feed_forward, shape);

  const Widths widths = WidthsOf(numbers, shape.embedding, shape.heads);
  const bool is_latent = numbers.Has("attention.key_length_mla") && numbers.Has("attention.value_length_mla");
  if (is_latent) shape.latent_width = widths.key + widths.value;
  const uint64_t indexer = numbers.Get("attention.indexer.key_length", 0, kMostWidth);

  const bool is_causal = numbers.Get("attention.causal", 1, 1) != 0;
  const bool has_cache = architecture.has_cache && is_causal;
  shape.window = numbers.Get("attention.sliding_window", architecture.window, kMostTokens);
  const bool has_windows =
      shape.window > 0 && (architecture.only_layers == 0 || architecture.only_layers == layers);
  const std::vector<bool> windowed =
      has_windows ? WindowedLayers(architecture, numbers, layers) : std::vector<bool>(layers, false);
  const size_t with_cache = has_cache ? LayersWithCache(architecture, numbers, layers) : 0;
  const uint64_t state_bytes = StateBytes(numbers, shape.embedding, shape.heads);
  const uint64_t interval = numbers.Get("full_attention_interval", 4, kMostLayers);
  const uint64_t copies = architecture.has_cross_attention ? 2 : 1;

  for (size_t i = 0; i < layers; ++i) {
    LayerShape& layer = shape.layers.emplace_back();
    if (i >= with_cache) continue;
    const Keeps keeps =
        KeepsOf(architecture.recurrence, known != nullptr, i, key_heads[i], feed_forward[i], interval);
    if (keeps.state) layer.state_bytes = state_bytes;
    if (!keeps.attention) continue;
    layer.is_windowed = windowed[i];
    if (is_latent) {
      layer.key_width = widths.key + indexer;
    } else {
      layer.key_width = copies * key_heads[i] * (windowed[i] ? widths.windowed_key : widths.key) + indexer;
      layer.value_width = copies * key_heads[i] * (windowed[i] ? widths.windowed_value : widths.value);
    }
    if (std::max(layer.key_width, layer.value_width) > kMostWidth) {
      return absl::InvalidArgumentError("an impossible model: its attention is too wide");
    }
  }
  shape.has_equal_layers = !Varies(heads) && !Varies(key_heads) && !Varies(feed_forward) &&
                           numbers.Get("interleave_moe_layer_step", 1, kMostLayers) <= 1;
  if (!numbers.status().ok()) return numbers.status();
  if (known == nullptr && shape.window > 0) {
    shape.notes.push_back(
        fmt::format("How {} uses its sliding window is not known; full attention is assumed.",
                    Printable(shape.architecture)));
  }
  return shape;
}

}  // namespace batuta::fit
