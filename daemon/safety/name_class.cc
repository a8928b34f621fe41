#include "daemon/safety/name_class.h"

#include <algorithm>

#include "daemon/safety/text/text_names.h"

namespace batuta::safety {
namespace {

struct Suffix {
  std::string_view suffix;
  Promise promise;
};

constexpr Promise Data(std::string_view what, Family first, Family second = Family::kNone) {
  return {.what = what, .first = first, .second = second, .text = TextKind::kPlain, .is_weights = true};
}

constexpr Promise Anything(Family first = Family::kNone) {
  return {.what = "", .first = first, .second = Family::kNone, .text = TextKind::kPlain, .is_weights = true};
}

constexpr Suffix kSuffixes[] = {
    {".safetensors", Data("safetensors", Family::kSafetensors)},
    {".gguf", Data("GGUF", Family::kGguf)},
    {".npy", Data("a numpy array", Family::kNumpyArray)},
    {".npz", Data("a numpy archive", Family::kZip)},
    {".h5", Data("HDF5", Family::kHdf5)},
    {".hdf5", Data("HDF5", Family::kHdf5)},
    {".keras", Data("a Keras model", Family::kZip, Family::kHdf5)},
    {".onnx", Data("ONNX", Family::kOnnx)},
    {".onnx_data", Data("ONNX data", Family::kRawTensors)},
    {".onnx.data", Data("ONNX data", Family::kRawTensors)},
    {".tflite", Data("TFLite", Family::kTflite)},
    {".pb", Data("a TensorFlow graph", Family::kTensorflow)},
    {".meta", Data("a TensorFlow graph", Family::kTensorflow)},
    {".index", Data("the index of a TensorFlow checkpoint", Family::kLevelTable)},
    {".mlmodel", Data("CoreML", Family::kCoreml)},
    {".msgpack", Data("msgpack", Family::kMsgpack)},
    {".zip", Data("a zip", Family::kZip)},
    {".whl", Data("a wheel", Family::kZip)},
    {".jar", Data("a jar", Family::kZip)},
    {".egg", Data("an egg", Family::kZip)},
    {".mar", Data("a TorchServe archive", Family::kZip)},
    {".dduf", Data("DDUF", Family::kZip)},
    {".skops", Data("a skops archive", Family::kZip)},
    {".pt2", Data("a torch export", Family::kZip)},
    {".nemo", Data("a NeMo archive", Family::kTar, Family::kCompressed)},
    {".tar", Data("a tar", Family::kTar)},
    {".tgz", Data("a compressed tar", Family::kCompressed)},
    {".gz", Data("compressed data", Family::kCompressed)},
    {".bz2", Data("compressed data", Family::kCompressed)},
    {".xz", Data("compressed data", Family::kCompressed)},
    {".lzma", Data("compressed data", Family::kCompressed)},
    {".lz4", Data("compressed data", Family::kCompressed)},
    {".zst", Data("compressed data", Family::kCompressed)},
    {".parquet", Data("Parquet", Family::kColumns)},
    {".arrow", Data("Arrow", Family::kColumns)},
    {".feather", Data("Arrow", Family::kColumns)},
    {".png", Data("a picture", Family::kMedia)},
    {".jpg", Data("a picture", Family::kMedia)},
    {".jpeg", Data("a picture", Family::kMedia)},
    {".gif", Data("a picture", Family::kMedia)},
    {".webp", Data("a picture", Family::kMedia)},
    {".wav", Data("sound", Family::kMedia)},
    {".flac", Data("sound", Family::kMedia)},
    {".ogg", Data("sound", Family::kMedia)},
    {".opus", Data("sound", Family::kMedia)},
    {".mp3", Data("sound", Family::kMedia)},
    {".m4a", Data("sound", Family::kMedia)},
    {".mp4", Data("a film", Family::kMedia)},
    {".mov", Data("a film", Family::kMedia)},
    {".webm", Data("a film", Family::kMedia)},
    {".mkv", Data("a film", Family::kMedia)},
    {".pdf", Data("a PDF", Family::kMedia)},
    // Any of them may hold any kind of weights.
    {".bin", Anything()},
    {".pt", Anything()},
    {".pth", Anything()},
    {".ckpt", Anything()},
    {".ptl", Anything()},
    {".dat", Anything()},
    {".model", Anything(Family::kSentencePiece)},
    {".spm", Anything(Family::kSentencePiece)},
    {".weights", Anything()},
    {".pkl", Anything()},
    {".pickle", Anything()},
    {".p", Anything()},
    {".dill", Anything()},
    {".joblib", Anything()},
    {".pdparams", Anything()},
    {".pdopt", Anything()},
    {".pdiparams", Anything()},
    {".pdmodel", Anything()},
    {".t7", Anything(Family::kTorch7)},
    {".th", Anything(Family::kTorch7)},
    {".engine", Anything(Family::kEngine)},
    {".plan", Anything(Family::kEngine)},
    {".trt", Anything(Family::kEngine)},
    {".pte", Anything()},
    {".ot", Anything()},
    {".z", Anything()},
};

// checkpoint.data-00000-of-00001
bool IsCheckpointShard(std::string_view name) {
  const size_t at = name.rfind(".data-");
  if (at == name.npos) return false;
  const std::string_view digits = "0123456789";
  std::string_view rest = name.substr(at + 6);
  const size_t first = rest.find_first_not_of(digits);
  if (first == 0 || first == rest.npos || !rest.substr(first).starts_with("-of-")) return false;
  rest = rest.substr(first + 4);
  return !rest.empty() && rest.find_first_not_of(digits) == rest.npos;
}

constexpr std::string_view kShardClass = "*.data-0-of-0";

// Of a GGUF file in parts, whose number must agree with its content: "-00001-of-00003.gguf".
std::string_view PartSuffix(std::string_view name) {
  constexpr std::string_view kPattern = "-#####-of-#####.gguf";
  if (name.size() < kPattern.size()) return {};
  const std::string_view suffix = name.substr(name.size() - kPattern.size());
  const auto fits = [](char is, char wanted) {
    return wanted == '#' ? is >= '0' && is <= '9' : is == wanted;
  };
  return std::equal(suffix.begin(), suffix.end(), kPattern.begin(), fits) ? suffix : std::string_view();
}

const Suffix* FindSuffix(std::string_view name) {
  const Suffix* longest = nullptr;
  for (const Suffix& entry : kSuffixes) {
    if (!name.ends_with(entry.suffix)) continue;
    if (longest == nullptr || entry.suffix.size() > longest->suffix.size()) longest = &entry;
  }
  return longest;
}

}  // namespace

std::string NameClass(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  std::string name(path);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  if (IsCheckpointShard(name)) return std::string(kShardClass);
  if (std::string text = TextNameClass(name); !text.empty()) return text;
  if (const std::string_view part = PartSuffix(name); !part.empty()) return "*" + std::string(part);
  const Suffix* suffix = FindSuffix(name);
  return suffix == nullptr ? "*" : "*" + std::string(suffix->suffix);
}

Promise PromiseOf(std::string_view name) {
  const std::string name_class = NameClass(name);
  if (name_class == kShardClass) return Data("a shard of a TensorFlow checkpoint", Family::kRawTensors);
  if (!TextNameClass(name_class).empty()) {
    return {.what = "text",
            .first = Family::kText,
            .second = Family::kNone,
            .text = TextKindOf(name_class),
            .is_weights = false};
  }
  const Suffix* suffix = FindSuffix(name_class);
  return suffix == nullptr ? Promise() : suffix->promise;
}

}  // namespace batuta::safety
