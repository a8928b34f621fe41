#include "daemon/pull/quant_label.h"

#include <algorithm>
#include <array>
#include <span>

namespace batuta::pull {
namespace {

constexpr std::array<std::string_view, 7> kSizes = {"XXL", "XXS", "XL", "XS", "S", "M", "L"};

// Of the codebook types, mainline first, then the forks' (K, KS, KSS, KT, KL).
constexpr std::array<std::string_view, 11> kCodebooks = {"XXS", "KSS", "XS", "NL", "KS", "KT",
                                                         "KL",  "BN",  "S",  "M",  "K"};

// Blocks laid out for one kind of processor.
constexpr std::array<std::string_view, 3> kInterleaved = {"_4_4", "_4_8", "_8_8"};

// Rows of a fork, interleaved.
constexpr std::array<std::string_view, 3> kRepacked = {"R16", "R4", "R8"};

// Floating point and ternary types, longest first where one begins another.
constexpr std::array<std::string_view, 11> kWholeNames = {
    "MXFP4_MOE", "MXFP4", "NVFP4", "BF16", "FP32", "FP16", "F32", "F16", "F64", "TQ1_0", "TQ2_0"};

char ToUpper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), ToUpper);
  return upper;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsDelimiter(char c) {
  return c == '-' || c == '.' || c == '_' || c == '/';
}

bool IsBoundary(std::string_view text, size_t position) {
  return position >= text.size() || IsDelimiter(text[position]);
}

// The longest of `words` (which are sorted so) that stands at `position` and ends at a boundary; 0 when none
// does.
size_t MatchWord(std::string_view text, size_t position, std::span<const std::string_view> words) {
  for (const std::string_view word : words) {
    if (text.substr(std::min(position, text.size())).starts_with(word) &&
        IsBoundary(text, position + word.size())) {
      return word.size();
    }
  }
  return 0;
}

// `_XL`, `_M`, … after a type; a repacked fork's `_R4` and the like too.
size_t MatchSuffix(std::string_view text, size_t position) {
  if (position >= text.size() || text[position] != '_') return 0;
  size_t length = MatchWord(text, position + 1, kSizes);
  if (length == 0) length = MatchWord(text, position + 1, kRepacked);
  return length == 0 ? 0 : length + 1;
}

// `Q4_K_M`, `Q4_0`, `Q4_0_4_8`, `Q8`.
size_t MatchBlockType(std::string_view text, size_t position) {
  if (position + 1 >= text.size() || text[position] != 'Q' || !IsDigit(text[position + 1])) return 0;
  size_t end = position + 2;
  if (IsBoundary(text, end) && (end >= text.size() || text[end] != '_')) return 2;
  if (end >= text.size() || text[end] != '_') return 0;
  constexpr std::array<std::string_view, 3> kKinds = {"K", "0", "1"};
  const size_t kind = MatchWord(text, end + 1, kKinds);
  // `Q4_something`: only the digit is a label.
  if (kind == 0) return 2;
  end += 1 + kind;
  if (const size_t more = MatchWord(text, end, kInterleaved); more != 0) return end + more - position;
  return end + MatchSuffix(text, end) - position;
}

// `IQ4_XS`, `IQ4_KSS`, `IQ2_M_R4`.
size_t MatchCodebookType(std::string_view text, size_t position) {
  if (!text.substr(position).starts_with("IQ") || position + 3 >= text.size() ||
      !IsDigit(text[position + 2]) || text[position + 3] != '_') {
    return 0;
  }
  const size_t kind = MatchWord(text, position + 4, kCodebooks);
  if (kind == 0) return 0;
  const size_t end = position + 4 + kind;
  if (const size_t more = MatchWord(text, end, kInterleaved); more != 0) return end + more - position;
  return end + MatchSuffix(text, end) - position;
}

// The length of the label that begins at `position` of an upper-case text; 0 = none does.
size_t MatchLabel(std::string_view text, size_t position) {
  if (const size_t length = MatchWord(text, position, kWholeNames); length != 0) return length;
  if (const size_t length = MatchBlockType(text, position); length != 0) return length;
  if (const size_t length = MatchCodebookType(text, position); length != 0) return length;
  constexpr std::array<std::string_view, 1> kTernary = {"I2_S"};
  return MatchWord(text, position, kTernary);
}

std::string Canonical(std::string_view upper) {
  constexpr std::array<std::array<std::string_view, 2>, 6> kAliases = {{{"FP32", "F32"},
                                                                        {"FP16", "F16"},
                                                                        {"MXFP4", "MXFP4_MOE"},
                                                                        {"Q3_K", "Q3_K_M"},
                                                                        {"Q4_K", "Q4_K_M"},
                                                                        {"Q5_K", "Q5_K_M"}}};
  for (const auto& [alias, name] : kAliases) {
    if (upper == alias) return std::string(name);
  }
  return std::string(upper);
}

bool Contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Does `prefix` stand directly before `position`, and at a boundary itself?
bool IsPreceded(std::string_view text, size_t position, std::string_view prefix) {
  if (position < prefix.size() || text.substr(position - prefix.size(), prefix.size()) != prefix)
    return false;
  return position == prefix.size() || IsDelimiter(text[position - prefix.size() - 1]);
}

}  // namespace

std::optional<FoundLabel> FindQuantLabel(std::string_view name) {
  constexpr std::string_view kDynamic = "UD-";
  constexpr std::string_view kImatrix = "I1-";
  const std::string upper = Upper(name);
  std::optional<FoundLabel> found;
  for (size_t i = 0; i < upper.size(); ++i) {
    if (i > 0 && !IsDelimiter(upper[i - 1])) continue;
    const size_t length = MatchLabel(upper, i);
    if (length == 0) continue;
    found = FoundLabel{Canonical(std::string_view(upper).substr(i, length)), false, i, i + length};
    if (IsPreceded(upper, i, kDynamic)) {
      found->label.insert(0, kDynamic);
      found->begin -= kDynamic.size();
    } else if (IsPreceded(upper, i, kImatrix)) {
      found->has_imatrix = true;
      found->begin -= kImatrix.size();
    }
    i += length - 1;
  }
  return found;
}

std::string CanonicalLabel(std::string_view text) {
  const std::optional<FoundLabel> found = FindQuantLabel(text);
  const bool is_label = found && found->begin == 0 && found->end == text.size();
  return is_label ? found->label : Upper(text);
}

LabelSupport SupportOf(std::string_view canonical_label) {
  constexpr std::string_view kDynamic = "UD-";
  std::string_view label = canonical_label;
  if (label.starts_with(kDynamic)) label.remove_prefix(kDynamic.size());
  if (label.empty()) return LabelSupport::kUsual;
  constexpr std::array<std::string_view, 6> kWithdrawn = {"Q4_0_4_4",   "Q4_0_4_8",   "Q4_0_8_8",
                                                          "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8"};
  if (Contains(kWithdrawn, label)) return LabelSupport::kWithdrawn;
  constexpr std::array<std::string_view, 4> kForks = {"I2_S", "IQ1_BN", "IQ2_BN", "Q6_0"};
  if (Contains(kForks, label)) return LabelSupport::kFork;
  for (const std::string_view rows : kRepacked) {
    if (label.ends_with(rows) && label[label.size() - rows.size() - 1] == '_') return LabelSupport::kFork;
  }
  // The codebooks of forks all begin with K.
  if (label.starts_with("IQ") && label.substr(label.find('_') + 1).starts_with('K')) {
    return LabelSupport::kFork;
  }
  constexpr std::array<std::string_view, 32> kUsual = {
      "F32",   "F16",     "BF16",   "MXFP4_MOE", "NVFP4", "TQ1_0",   "TQ2_0",  "Q1_0",
      "Q2_0",  "Q4_0",    "Q4_1",   "Q5_0",      "Q5_1",  "Q8_0",    "Q2_K",   "Q3_K",
      "Q4_K",  "Q5_K",    "Q6_K",   "IQ1_S",     "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S",
      "IQ2_M", "IQ3_XXS", "IQ3_XS", "IQ3_S",     "IQ3_M", "IQ4_XS",  "IQ4_NL", "Q8_K_XL"};
  constexpr std::array<std::string_view, 7> kBits = {"Q2", "Q3", "Q4", "Q5", "Q6", "Q8", "Q1"};
  if (Contains(kUsual, label) || Contains(kBits, label)) return LabelSupport::kUsual;
  // A size behind a type only says how much of the model is of a better one.
  const size_t last = label.rfind('_');
  const bool has_size = last != label.npos && Contains(kSizes, label.substr(last + 1));
  return has_size && Contains(kUsual, label.substr(0, last)) ? LabelSupport::kUsual : LabelSupport::kUnknown;
}

}  // namespace batuta::pull
