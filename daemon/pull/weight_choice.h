#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/pull/draft.h"
#include "daemon/pull/file_kind.h"
#include "daemon/pull/selection.h"

// The rules that leave out weights which a model does not need twice. Pure.
namespace batuta::pull {

// Leaves out all weights but those of one format for each component: `forced`, or the best that is usable
// there. GGUF is judged for the whole repo. Returns true when GGUF is the format, so that a variant of it
// must be chosen.
bool ChooseFormats(Draft& draft, std::optional<FileFormat> forced, bool allow_pickle);

// Of weights of one format in one folder, leaves out second precisions and second layouts. Which precision is
// taken: `preferred` (a canonical label of weight_variants.h) where there is one, else the default, else the
// one that most loaders can use. Of ONNX, where all precisions are taken unless one is asked for, only with
// `preferred`.
void LeaveTwins(Draft& draft, std::string_view preferred);

// The format of a quantization that no format was named for: GGUF where it is a variant of that, or nothing
// else has variants.
FileFormat FormatOfQuantization(const Draft& draft, std::string_view quantization, bool allow_pickle);

// Before a precision is chosen: is it there in the weights that the draft takes of `format`?
//   kInvalidArgument (INVALID_ARGUMENT)  it is not; the message lists those that are.
absl::Status CheckPrecision(const Draft& draft, FileFormat format, std::string_view precision);

// Leaves out the weights that are objected to, each with all the parts of its set.
void LeaveObjected(Draft& draft, const Objections& objections);

// Does `other`, made without what is objected to, take something else in place of all of it that `draft`
// takes?
bool Replaces(const Draft& other, const Draft& draft, const Objections& objections);

// Names of the formats in which the draft still takes weights: "safetensors, ONNX"; empty when in none.
std::string FormatsIn(const Draft& draft);

}  // namespace batuta::pull
