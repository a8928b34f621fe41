#include "daemon/pull/gguf_name.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "daemon/pull/quant_label.h"

namespace batuta::pull {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

std::optional<uint32_t> Number(std::string_view digits) {
  uint32_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Where a split stands, and how long the text before it is.
struct Split {
  size_t stem_length = 0;
  uint32_t part = 0;
  uint32_t parts = 0;
};

// `-00001-of-00005` at the end of a file name without its extension.
std::optional<Split> SplitShard(std::string_view stem) {
  constexpr size_t kDigits = 5;
  constexpr std::string_view kOf = "-of-";
  constexpr size_t kLength = 1 + kDigits + kOf.size() + kDigits;
  if (stem.size() <= kLength) return std::nullopt;
  const std::string_view tail = stem.substr(stem.size() - kLength);
  if (tail.front() != '-' || tail.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  const auto part = Number(tail.substr(1, kDigits));
  const auto parts = Number(tail.substr(1 + kDigits + kOf.size()));
  if (!part || !parts || *part == 0 || *part > *parts) return std::nullopt;
  return Split{stem.size() - kLength, *part, *parts};
}

// What follows `.gguf`: `.part1of2`, `-split-a`, `.split-b`, `-part-c`. The stem's length is not set.
std::optional<Split> SplitBytes(std::string_view tail) {
  constexpr std::string_view kPart = ".part";
  constexpr std::string_view kOf = "of";
  if (const size_t of = tail.find(kOf); tail.starts_with(kPart) && of != std::string_view::npos) {
    const auto part = Number(tail.substr(kPart.size(), of - kPart.size()));
    const auto parts = Number(tail.substr(of + kOf.size()));
    if (!part || !parts || *part == 0 || *part > *parts) return std::nullopt;
    return Split{0, *part, *parts};
  }
  if (tail.empty() || (tail.front() != '-' && tail.front() != '.')) return std::nullopt;
  const char letter = tail.back();
  const std::string_view word = tail.substr(1, tail.size() - 2);
  if ((word != "split-" && word != "part-") || letter < 'a' || letter > 'z') return std::nullopt;
  return Split{0, static_cast<uint32_t>(letter - 'a') + 1, 0};
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t end = std::min(text.find_first_of("-._"), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    if (end >= text.size()) return words;
    text.remove_prefix(end + 1);
  }
}

// With a label beside the word, the name is that of a model which was made with one.
bool IsImatrixFile(std::string_view lower_name) {
  if (lower_name.find("imatrix") == std::string_view::npos) return false;
  if (lower_name.ends_with(".gguf")) return !FindQuantLabel(lower_name.substr(0, lower_name.rfind('.')));
  return lower_name.ends_with(".dat") || lower_name.ends_with(".imatrix") ||
         lower_name.ends_with(".gguf_file");
}

bool IsAdapterWord(std::string_view word) {
  return word == "lora" || word == "adapter";
}

// `lower` is the stem. LoRA is a type only as the first word or the last; in the middle it tells how a model
// was made.
GgufName::Kind KindOf(std::string_view lower) {
  using Kind = GgufName::Kind;
  if (lower.find("mmproj") != std::string_view::npos) return Kind::kProjector;
  if (lower.starts_with("mtp-")) return Kind::kDraft;
  if (lower.starts_with("ggml-vocab") || lower.ends_with("-vocab")) return Kind::kVocabulary;
  if (lower.find("control-vector") != std::string_view::npos ||
      lower.find("control_vector") != std::string_view::npos) {
    return Kind::kAdapter;
  }
  const std::vector<std::string_view> words = Words(lower);
  if (!words.empty() && (IsAdapterWord(words.front()) || IsAdapterWord(words.back()))) return Kind::kAdapter;
  const bool is_draft = std::find(words.begin(), words.end(), "draft") != words.end();
  return is_draft ? Kind::kDraft : Kind::kModel;
}

void SetLabel(GgufName& name) {
  std::optional<FoundLabel> found = FindQuantLabel(name.stem);
  std::string_view folder = name.folder;
  while (!found && !folder.empty()) {
    const size_t slash = folder.rfind('/');
    found = FindQuantLabel(slash == std::string_view::npos ? folder : folder.substr(slash + 1));
    folder = slash == std::string_view::npos ? std::string_view() : folder.substr(0, slash);
  }
  if (!found) return;
  name.label = found->label;
  const std::string lower = Lower(name.stem);
  const std::vector<std::string_view> words = Words(lower);
  name.has_imatrix = found->has_imatrix || std::any_of(words.begin(), words.end(), [](std::string_view word) {
                       return word == "i1" || word == "imat" || word == "imatrix";
                     });
}

}  // namespace

std::optional<GgufName> ParseGgufName(std::string_view path) {
  GgufName name;
  const size_t slash = path.rfind('/');
  const std::string_view file = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (slash != std::string_view::npos) name.folder = path.substr(0, slash);

  constexpr std::string_view kExtension = ".gguf";
  const std::string lower = Lower(file);
  const size_t extension = lower.rfind(kExtension);
  if (IsImatrixFile(lower)) {
    name.kind = GgufName::Kind::kImatrix;
    name.stem = file.substr(0, lower.rfind('.'));
    return name;
  }
  if (extension == std::string::npos || extension == 0) return std::nullopt;

  name.stem = file.substr(0, extension);
  const std::string_view tail = std::string_view(lower).substr(extension + kExtension.size());
  std::optional<Split> split;
  if (!tail.empty()) {
    split = SplitBytes(tail);
    if (!split) return std::nullopt;
    name.is_byte_cut = true;
  } else {
    split = SplitShard(std::string_view(lower).substr(0, extension));
    if (split) name.stem.resize(split->stem_length);
  }
  if (split) {
    name.part = split->part;
    name.parts = split->parts;
  }
  name.kind = KindOf(Lower(name.stem));
  SetLabel(name);
  return name;
}

}  // namespace batuta::pull
