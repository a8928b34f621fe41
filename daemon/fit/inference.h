#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "daemon/fit/weights.h"
#include "daemon/gguf/header.h"

namespace batuta::fit {

// A variant of which not all headers are read.
struct VariantFiles {
  std::string_view label;
  std::span<const uint64_t> part_bytes;  // of its files, in order
};

// The weights of a variant, from the header of a first file of the same model and the sizes of its own files:
// the tensors of a model are the same in each variant, layers repeat, and which type each gets follows from
// the label (mix_rules.h). That is believed only when it accounts for the files: where each part ends a
// tensor ends, to the byte but for what texts in headers differ by. Nothing when it does not, which is so for
// mixes that publishers made by rules of their own.
//
// `seen` is of any variant, or of this one (`is_own`): then the types that it has must be those that follow.
// Pure.
std::optional<Weights> Inferred(const gguf::Header& seen, bool is_own, const VariantFiles& variant);

}  // namespace batuta::fit
