#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/pull/draft.h"
#include "daemon/pull/gguf_name.h"

// The GGUF files of a repo as what they are together: variants of a model, and what stands beside them. By
// names and sizes alone; pure.
namespace batuta::pull {

// One quantisation of a model: a file, or all its parts.
struct GgufVariant {
  std::string folder;
  std::string stem;
  std::string label;  // canonical (quant_label.h); "" = the name does not say
  std::string name;   // as `--quantization` takes it: no other variant of the repo has it
  bool has_imatrix = false;
  std::vector<size_t> files;  // positions in the tree, in the order of the parts
  uint32_t parts_seen = 0;
  uint32_t parts = 0;        // that there should be; 0 = not split, or not known
  bool is_byte_cut = false;  // its parts must be put together before they are a GGUF
  bool is_complete = true;
  bool is_main = true;  // of the model that the repo is about; see GgufContents::has_main
  uint64_t size_bytes = 0;

  std::string path_prefix() const { return folder.empty() ? stem : folder + "/" + stem; }
};

// The part of a multimodal model that sees or hears.
struct GgufProjector {
  size_t file = 0;  // position in the tree
  GgufName name;
};

struct GgufContents {
  std::vector<GgufVariant> variants;  // in the tree's order
  std::vector<GgufProjector> projectors;
  std::vector<std::pair<size_t, GgufName::Kind>> others;  // side-cars that a model does not need
  std::vector<std::pair<size_t, size_t>> copies;  // files of variants that are there in other parts too

  // The repo is about one model; where a label stands twice, that with the most variants. False when two have
  // as many; then all of them are main.
  bool has_main = true;
};

// Of the files that the draft still takes. A variant is (folder, name without part); all parts of it that
// are there belong to it, whether others are missing or not. The same variant whole and in parts is one, of
// which the copy that is easiest to use counts.
GgufContents SortGguf(const Draft& draft);

// Those that somebody means who writes `wanted` for a quantisation: by name, by label (of the main model
// where it has it), by the name of the file; the dynamic ones also without their `UD-`. In any letter case.
std::vector<const GgufVariant*> VariantsNamed(const GgufContents& contents, std::string_view wanted);

// The projector that goes with the variant: from its own folder, then the nearest one, then by precision.
// Its position in the tree.
std::optional<size_t> ProjectorOf(const GgufContents& contents, const GgufVariant& variant);

// Why the usual programs cannot load it, as its names tell: a clause for a person; "" when they can, as far
// as names tell.
std::string_view FlawOf(const GgufVariant& variant);

}  // namespace batuta::pull
