#include "daemon/fit/architecture.h"

namespace batuta::fit {
namespace {

constexpr Architecture Encoder(std::string_view name) {
  return {.name = name, .has_cache = false, .has_output = false};
}

// Computes all tokens again at every step.
constexpr Architecture Diffusion(std::string_view name) {
  return {.name = name, .has_cache = false};
}

constexpr Architecture Recurrent(std::string_view name, Recurrence recurrence) {
  return {.name = name, .recurrence = recurrence};
}

constexpr Architecture kArchitectures[] = {
    // Sliding windows.
    {.name = "gemma2", .period = 2, .window = 4096},
    {.name = "gemma3", .period = 6},
    {.name = "gemma3n", .period = 5, .layers_with_cache = 20},
    {.name = "gemma4", .reads_pattern = true},
    {.name = "cohere2", .period = 4},
    {.name = "gpt-oss", .period = 2},
    {.name = "llama4", .period = 4, .window = 8192},
    {.name = "olmo2", .period = 4},
    {.name = "exaone4", .period = 4, .window = 4096, .only_layers = 64},
    {.name = "exaone-moe", .period = 4, .window = 128, .predicts_with_cache = true},
    {.name = "smallthinker", .period = 4, .is_first_full = true, .window = 4096},
    {.name = "afmoe", .reads_pattern = true},
    {.name = "mimo2", .reads_pattern = true},
    {.name = "step35", .reads_pattern = true},
    {.name = "plamo3", .reads_pattern = true},

    // Recurrent states.
    Recurrent("mamba", Recurrence::kAll),
    Recurrent("mamba2", Recurrence::kAll),
    Recurrent("rwkv6", Recurrence::kAll),
    Recurrent("rwkv6qwen2", Recurrence::kAll),
    Recurrent("rwkv7", Recurrence::kAll),
    Recurrent("arwkv7", Recurrence::kAll),
    Recurrent("jamba", Recurrence::kWithoutHeads),
    Recurrent("granitehybrid", Recurrence::kWithoutHeads),
    Recurrent("plamo2", Recurrence::kWithoutHeads),
    {.name = "lfm2", .reads_pattern = true, .recurrence = Recurrence::kWithoutHeads},
    {.name = "lfm2moe", .reads_pattern = true, .recurrence = Recurrence::kWithoutHeads},
    Recurrent("kimi-linear", Recurrence::kWithoutHeads),
    Recurrent("falcon-h1", Recurrence::kBoth),
    Recurrent("nemotron_h", Recurrence::kNemotron),
    Recurrent("nemotron_h_moe", Recurrence::kNemotron),
    Recurrent("qwen3next", Recurrence::kInterval),
    Recurrent("qwen35", Recurrence::kInterval),
    Recurrent("qwen35moe", Recurrence::kInterval),

    // No cache.
    Encoder("bert"),
    Encoder("nomic-bert"),
    Encoder("nomic-bert-moe"),
    Encoder("jina-bert-v2"),
    Encoder("jina-bert-v3"),
    Encoder("modern-bert"),
    Encoder("gemma-embedding"),
    Encoder("eurobert"),
    Encoder("neo-bert"),
    Encoder("t5encoder"),
    Encoder("wavtokenizer-dec"),
    Diffusion("dream"),
    Diffusion("llada"),
    Diffusion("llada-moe"),
    Diffusion("rnd1"),

    {.name = "t5", .has_cross_attention = true},
};

}  // namespace

const Architecture* FindArchitecture(std::string_view name) {
  for (const Architecture& known : kArchitectures) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

}  // namespace batuta::fit
