#pragma once

#include <optional>
#include <string>

#include "daemon/pull/draft.h"
#include "daemon/pull/file_kind.h"

// The rules that leave out weights which a model does not need twice. Pure.
namespace batuta::pull {

// Leaves out all weights but those of one format for each component: `forced`, or the best that is usable
// there. GGUF is judged for the whole repo. Returns true when GGUF is the format, so that a variant of it
// must be chosen.
bool ChooseFormats(Draft& draft, std::optional<FileFormat> forced, bool allow_pickle);

// Of weights of one format in one folder, leaves out second precisions and second layouts.
void LeaveTwins(Draft& draft);

// Names of the formats in which the draft still takes weights: "safetensors, ONNX"; empty when in none.
std::string FormatsIn(const Draft& draft);

}  // namespace batuta::pull
