// What the hub reads out of weight files for repo info: dtypes of safetensors, metadata of GGUF. Bounded:
// headers only.
#pragma once

#include <nlohmann/json.hpp>

#include "tests/hubsim/store/repo.h"

namespace batuta::hubsim {

// {"parameters": {dtype: count}, "total": count} over all .safetensors files; null without any readable one.
nlohmann::json SafetensorsFacts(const Tree& tree);

// {"total", "architecture", "context_length", "chat_template", "bos_token", "eos_token"} of the first .gguf
// file, as far as known; null without a readable one.
nlohmann::json GgufFacts(const Tree& tree);

}  // namespace batuta::hubsim
