#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/fit/model_shape.h"

// Which of several variants of a model says more of what the model is.
namespace batuta::fit {

// Lower is better; those of the same rank count as equal. `shape` (null = not known) and `stem`, the file's
// name, tell of models that were trained in a quantised format.
uint32_t RankOf(std::string_view label, const ModelShape* shape, std::string_view stem);

// Of `Q4_K_M`, and of four bits in other formats: the least precision that is worth the speed of a GPU.
uint32_t FloorRank(bool is_gguf);

// Do the usual programs load what has that label?
bool IsLoadable(std::string_view label);

struct Ranked {
  uint32_t rank = 0;
  uint64_t file_bytes = 0;
  bool has_imatrix = false;
};

// Positions of `variants`, best first; of equals the one with an importance matrix, then the larger.
std::vector<size_t> RankingOf(std::span<const Ranked> variants);

// By position: is there another that ranks higher and is not larger? Such a variant is never the best choice.
std::vector<bool> Pointless(std::span<const Ranked> variants);

}  // namespace batuta::fit
