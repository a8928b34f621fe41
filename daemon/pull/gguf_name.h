#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace batuta::pull {

// What the name of a GGUF file, or of one beside it, says about it. Names are conventions: several
// publishers, several styles. Pure; content may know better.
struct GgufName {
  enum class Kind {
    kModel,
    kProjector,   // mmproj: the part of a multimodal model that sees or hears
    kImatrix,     // the importance matrix that a quantisation was made with
    kVocabulary,  // a model without weights
    kAdapter,     // LoRA, control vector
    kDraft,       // a small model that guesses ahead of a large one
  };

  Kind kind = Kind::kModel;
  std::string folder;  // "" or `dir/dir`
  std::string
      stem;  // the file name without part, `.gguf` and byte part: the same for all parts of one variant
  std::string
      label;  // canonical quantisation (see quant_label.h), from the name, else the nearest folder; "" = none
  bool has_imatrix = false;  // as the name tells: marked `i1`, `imat` or `imatrix`
  uint32_t part = 0;         // 1-based; 0 = not split
  uint32_t parts = 0;        // 0 = not split, or the name does not say

  // Pieces of one file that must be put together again; else each part is a GGUF of its own.
  bool is_byte_cut = false;

  friend bool operator==(const GgufName&, const GgufName&) = default;
};

// nullopt when the path is not that of a GGUF file, a piece of one, or an importance matrix.
std::optional<GgufName> ParseGgufName(std::string_view path);

}  // namespace batuta::pull
