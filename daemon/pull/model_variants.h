#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/types/entry.h"
#include "daemon/pull/selection.h"

namespace batuta::pull {

// One form in which a repo has its model, with all files that a pull of it takes of the weights.
struct ModelVariant {
  std::string label;         // unique among them; `--quantization` takes it
  std::string quantization;  // for a SelectionRequest: the label, or "" where that is the default choice
  std::string ranked_as;     // quantisation (quant_label.h) that loses as much; "" = the name does not say
  std::string stem;          // of its file names
  bool is_gguf = true;
  bool has_imatrix = false;
  std::string flaw;              // why it cannot be loaded, as names tell; "" = it can
  std::vector<Entry> weights;    // in the order of its parts
  std::vector<Entry> side_cars;  // that are loaded with it
  uint64_t weights_bytes = 0;
  uint64_t side_car_bytes = 0;
};

// All of them, and what tells of their model.
struct ModelVariants {
  std::vector<ModelVariant> list;  // in the tree's order; never empty
  std::optional<Entry> config;     // `config.json`
  std::vector<std::string> notes;  // what is not among them, and why; sentences for a person
};

// Among what a pull that wants the variant that fits may choose. The request names no files and no
// quantization. Pure.
//   kInvalidArgument (INVALID_ARGUMENT)  it does, or it is no model.
//   kInvalidArgument (CHOICE_NEEDED)     the repo has several models; the message names them.
//   kNotFound (ENTRY_NOT_FOUND)          it has no weights of a format that has variants.
//   Else those of PlanSelection().
absl::StatusOr<ModelVariants> FindVariants(const Tree& tree, const SelectionRequest& request);

}  // namespace batuta::pull
