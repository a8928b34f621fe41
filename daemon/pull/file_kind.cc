#include "daemon/pull/file_kind.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <unordered_set>

#include "daemon/pull/gguf_name.h"

namespace batuta::pull {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

std::string_view FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view NameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool EndsWithAny(std::string_view text, std::span<const std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [text](std::string_view ending) { return text.ends_with(ending); });
}

struct Ending {
  std::string_view text;
  FileFormat format;
};

// Endings that say the format whatever the rest of the name. (`.bin` does not, and is looked at by itself.)
constexpr std::array<Ending, 28> kEndings = {{{".safetensors", FileFormat::kSafetensors},
                                              {".pt", FileFormat::kPytorch},
                                              {".pth", FileFormat::kPytorch},
                                              {".ckpt", FileFormat::kPytorch},
                                              {".ptl", FileFormat::kPytorch},
                                              {".pt2", FileFormat::kPytorch},
                                              {".onnx", FileFormat::kOnnx},
                                              {".onnx_data", FileFormat::kOnnx},
                                              {".onnx.data", FileFormat::kOnnx},
                                              {".h5", FileFormat::kTensorflow},
                                              {".hdf5", FileFormat::kTensorflow},
                                              {".keras", FileFormat::kTensorflow},
                                              {".pb", FileFormat::kTensorflow},
                                              {".ckpt.index", FileFormat::kTensorflow},
                                              {".ckpt.meta", FileFormat::kTensorflow},
                                              {".msgpack", FileFormat::kFlax},
                                              {".mlmodel", FileFormat::kCoreml},
                                              {".tflite", FileFormat::kTflite},
                                              {".litertlm", FileFormat::kTflite},
                                              {".task", FileFormat::kTflite},
                                              {".ot", FileFormat::kOther},
                                              {".npz", FileFormat::kOther},
                                              {".engine", FileFormat::kOther},
                                              {".trt", FileFormat::kOther},
                                              {".pte", FileFormat::kOther},
                                              {".rknn", FileFormat::kOther},
                                              {".llamafile", FileFormat::kOther},
                                              {".nemo", FileFormat::kOther}}};

constexpr std::array<std::string_view, 19> kPickleEndings = {
    ".pt", ".pth", ".ckpt", ".ptl", ".pt2", ".pkl",   ".pickle", ".dill", ".joblib",     ".pdparams",
    ".t7", ".th",  ".nemo", ".mar", ".pck", ".pdopt", ".pkl.gz", ".p",    ".cloudpickle"};

// `model.onnx_data_1`, the second file of a large ONNX model.
bool IsOnnxData(std::string_view name) {
  const size_t at = name.rfind(".onnx_data_");
  return at != std::string_view::npos;
}

bool IsTfShard(std::string_view name) {
  return name.find(".data-0") != std::string_view::npos ||
         (name.starts_with("group") && name.find("-shard") != name.npos);
}

// A folder whose name says in which format everything below it is; nullopt for others.
std::optional<FileFormat> FormatOfFolder(std::string_view lower) {
  if (lower == "onnx" || lower.starts_with("onnx_")) return FileFormat::kOnnx;
  if (lower == "openvino" || lower == "openvino_model") return FileFormat::kOpenvino;
  if (lower == "coreml" || lower.ends_with(".mlpackage") || lower.ends_with(".mlmodelc"))
    return FileFormat::kCoreml;
  if (lower == "original") return FileFormat::kOriginal;
  if (lower == "tflite") return FileFormat::kTflite;
  if (lower == "saved_model" || lower == "tf" || lower == "tensorflow") return FileFormat::kTensorflow;
  if (lower == "flax") return FileFormat::kFlax;
  if (lower == "metal") return FileFormat::kOther;
  return std::nullopt;
}

struct Place {
  std::string component;
  std::optional<FileFormat> format;  // of the outermost folder that names one
};

Place PlaceOf(std::string_view path) {
  const std::string_view folder = FolderOf(path);
  size_t begin = 0;
  while (begin < folder.size()) {
    const size_t end = std::min(folder.find('/', begin), folder.size());
    if (const auto format = FormatOfFolder(Lower(folder.substr(begin, end - begin)))) {
      return {std::string(folder.substr(0, begin == 0 ? 0 : begin - 1)), format};
    }
    begin = end + 1;
  }
  return {std::string(folder), std::nullopt};
}

bool IsTrainingState(std::string_view name) {
  constexpr std::array<std::string_view, 5> kBeginnings = {"optimizer.", "scheduler.", "rng_state", "scaler.",
                                                           "training_args."};
  const bool begins = std::any_of(kBeginnings.begin(), kBeginnings.end(),
                                  [name](std::string_view beginning) { return name.starts_with(beginning); });
  return begins && (name.ends_with(".pt") || name.ends_with(".pth") || name.ends_with(".bin"));
}

constexpr std::array<std::string_view, 20> kCodeEndings = {
    ".py",    ".pyc", ".pyo", ".pyw", ".pyd", ".ipynb", ".so",  ".dll",   ".exe",  ".sh",
    ".dylib", ".bat", ".cmd", ".ps1", ".jar", ".whl",   ".egg", ".class", ".wasm", ".llamafile"};

// Looks at one file at a time, with the names of all at hand.
class Classifier {
 public:
  Classifier(const Tree& tree, RepoType type) : is_model_(type == RepoType::kModel) {
    for (const Entry& entry : tree.entries) paths_.insert(entry.path.text());
  }

  FileKind Classify(const std::string& path) const {
    const std::string name = Lower(NameOf(path));
    FileKind kind;
    Place place = PlaceOf(path);
    kind.component = is_model_ ? std::move(place.component) : std::string(FolderOf(path));
    kind.is_training_state = is_model_ && IsTrainingState(name);
    kind.is_pickle = EndsWithAny(name, kPickleEndings);
    kind.is_code = EndsWithAny(name, kCodeEndings);
    if (name.ends_with(".bin")) {
      ClassifyBin(path, name, kind);
    } else {
      kind.format = FormatOfName(path, name);
    }
    if (kind.is_training_state) kind.format = FileFormat::kPlain;
    kind.is_weight = kind.format != FileFormat::kPlain && !name.ends_with(".json");
    if (place.format && !kind.is_training_state) {
      kind.format = *place.format;
      // What such a folder calls `.bin` is raw numbers, but for a publisher's own PyTorch checkpoint.
      if (name.ends_with(".bin") && place.format != FileFormat::kOriginal) kind.is_pickle = false;
    }
    if (is_model_) return kind;
    kind.format = FileFormat::kPlain;
    kind.is_weight = false;
    return kind;
  }

 private:
  FileFormat FormatOfName(const std::string& path, std::string_view name) const {
    if (name.starts_with("consolidated.") && name.ends_with(".pth")) return FileFormat::kOriginal;
    if (const std::optional<FileFormat> format = FormatOfIndex(name)) return *format;
    if (ParseGgufName(path)) return FileFormat::kGguf;
    if (IsOnnxData(name)) return FileFormat::kOnnx;
    if (IsTfShard(name)) return FileFormat::kTensorflow;
    if (name.ends_with(".xml") && Has(path, 4, ".bin")) return FileFormat::kOpenvino;
    for (const Ending& ending : kEndings) {
      if (name.ends_with(ending.text)) return ending.format;
    }
    constexpr std::array<std::string_view, 2> kPaddle = {".pdparams", ".pdiparams"};
    return EndsWithAny(name, kPaddle) ? FileFormat::kOther : FileFormat::kPlain;
  }

  // `model.safetensors.index.json`, `….index.fp16.json`: the list of shards is of use only beside them.
  static std::optional<FileFormat> FormatOfIndex(std::string_view name) {
    if (!name.ends_with(".json")) return std::nullopt;
    if (name.find(".safetensors.index") != name.npos) return FileFormat::kSafetensors;
    if (name.find(".bin.index") != name.npos) return FileFormat::kPytorch;
    if (name.find(".h5.index") != name.npos) return FileFormat::kTensorflow;
    if (name.find(".msgpack.index") != name.npos) return FileFormat::kFlax;
    return std::nullopt;
  }

  // `.bin` promises nothing; the company it keeps tells who reads it. What nobody claims is PyTorch's.
  void ClassifyBin(const std::string& path, std::string_view name, FileKind& kind) const {
    const auto is_beside = [&](std::string_view sibling) {
      const std::string_view folder = FolderOf(path);
      std::string other(folder);
      if (!folder.empty()) other += '/';
      other += sibling;
      return paths_.contains(other);
    };
    if (Has(path, 4, ".xml")) {
      kind.format = FileFormat::kOpenvino;
    } else if (IsTfShard(name)) {
      kind.format = FileFormat::kTensorflow;
    } else if (name.starts_with("ggml-") ||
               (name.starts_with("params_shard") && is_beside("ndarray-cache.json")) ||
               (name == "model.bin" &&
                (is_beside("vocabulary.txt") || is_beside("vocabulary.json") ||
                 is_beside("shared_vocabulary.txt") || is_beside("shared_vocabulary.json")))) {
      kind.format = FileFormat::kOther;
    } else {
      kind.format = FileFormat::kPytorch;
      kind.is_pickle = is_model_ || IsModelBin(name);
    }
  }

  static bool IsModelBin(std::string_view name) {
    constexpr std::array<std::string_view, 4> kBeginnings = {"pytorch_model", "diffusion_pytorch_model",
                                                             "adapter_model", "training_args"};
    return std::any_of(kBeginnings.begin(), kBeginnings.end(),
                       [name](std::string_view beginning) { return name.starts_with(beginning); });
  }

  // Is there a file of the same name with another extension?
  bool Has(const std::string& path, size_t extension_length, std::string_view other) const {
    return paths_.contains(path.substr(0, path.size() - extension_length) + std::string(other));
  }

  const bool is_model_;
  std::unordered_set<std::string> paths_;
};

// Cuts `-00001-of-00002` off the end.
std::string_view WithoutShard(std::string_view stem) {
  constexpr size_t kLength = 15;
  if (stem.size() <= kLength) return stem;
  const std::string_view tail = stem.substr(stem.size() - kLength);
  const auto is_digits = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const bool is_shard = tail[0] == '-' && is_digits(tail.substr(1, 5)) && tail.substr(6, 4) == "-of-" &&
                        is_digits(tail.substr(10));
  return is_shard ? stem.substr(0, stem.size() - kLength) : stem;
}

}  // namespace

std::string_view ToString(FileFormat format) {
  switch (format) {
    case FileFormat::kPlain:
      return "plain";
    case FileFormat::kSafetensors:
      return "safetensors";
    case FileFormat::kGguf:
      return "GGUF";
    case FileFormat::kPytorch:
      return "PyTorch";
    case FileFormat::kOriginal:
      return "original checkpoint";
    case FileFormat::kOnnx:
      return "ONNX";
    case FileFormat::kTensorflow:
      return "TensorFlow";
    case FileFormat::kFlax:
      return "Flax";
    case FileFormat::kOpenvino:
      return "OpenVINO";
    case FileFormat::kCoreml:
      return "Core ML";
    case FileFormat::kTflite:
      return "TFLite";
    case FileFormat::kOther:
      break;
  }
  return "other weights";
}

std::vector<FileKind> ClassifyFiles(const Tree& tree, RepoType type) {
  const Classifier classifier(tree, type);
  std::vector<FileKind> kinds;
  kinds.reserve(tree.entries.size());
  for (const Entry& entry : tree.entries) kinds.push_back(classifier.Classify(entry.path.text()));
  return kinds;
}

VariantName ParseVariantName(std::string_view file_name) {
  constexpr std::array<std::string_view, 8> kVariants = {".fp16", ".bf16", ".fp32",    ".fp8",
                                                         ".int8", ".ema",  ".non_ema", ".8bit"};
  // The index of a sharded variant: `model.safetensors.index.fp16.json`.
  std::string_view stem = file_name.substr(0, file_name.rfind('.'));
  std::string variant;
  const auto cut_variant = [&] {
    for (const std::string_view candidate : kVariants) {
      if (!stem.ends_with(candidate) || stem.size() == candidate.size()) continue;
      variant = candidate.substr(1);
      stem.remove_suffix(candidate.size());
      return;
    }
  };
  cut_variant();
  stem = WithoutShard(stem);
  if (variant.empty()) cut_variant();
  constexpr std::string_view kIndex = ".index";
  if (stem.ends_with(kIndex)) {
    stem.remove_suffix(kIndex.size());
    stem = stem.substr(0, stem.rfind('.'));
    if (variant.empty()) cut_variant();
  }
  return {std::string(stem), std::move(variant)};
}

}  // namespace batuta::pull
