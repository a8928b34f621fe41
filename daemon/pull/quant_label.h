#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// The labels of quantisations, as people write them into the names of GGUF files. Pure.
namespace batuta::pull {

// A label found in a name.
struct FoundLabel {
  std::string label;         // canonical, see below
  bool has_imatrix = false;  // marked `i1-`: quantised with an importance matrix
  size_t begin = 0;          // where it stands in the name, with its `UD-` or `i1-`
  size_t end = 0;
};

// The last label in `name`, in any letter case, standing between `-`, `.`, `_`, `/` or an end. Canonical
// means upper case, `F16` for `FP16`, `Q4_K_M` for a bare `Q4_K` (likewise Q3_K, Q5_K), `MXFP4_MOE` for
// `MXFP4`, with `UD-` kept in front. nullopt when there is none.
std::optional<FoundLabel> FindQuantLabel(std::string_view name);

// What a user wrote for a label, in canonical form; upper-cased when it is none.
std::string CanonicalLabel(std::string_view text);

// Who can load files of a label.
enum class LabelSupport {
  kUsual,      // the usual programs; also when there is no label, or one that says only the bits
  kWithdrawn,  // programs of the time alone: its types are refused since
  kFork,       // forks of llama.cpp alone
  kUnknown,
};

LabelSupport SupportOf(std::string_view canonical_label);

}  // namespace batuta::pull
