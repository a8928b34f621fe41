#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/safety/text/text.h"

namespace batuta::safety {

// What a file's name promises, as a short text that does not change: "*.safetensors", or the whole name where
// loaders go by that ("config.json"), or "*" when it promises nothing. A verdict depends on the bytes and on
// this alone. The class of a class is itself.
std::string NameClass(std::string_view path);

// Families of formats, as far as names tell them apart.
enum class Family : uint8_t {
  kNone,
  kSafetensors,
  kGguf,
  kNumpyArray,
  kHdf5,
  kZip,
  kTar,
  kCompressed,
  kForeignArchive,  // 7z and its like
  kPickle,
  kOnnx,
  kTflite,
  kTensorflow,
  kCoreml,
  kMsgpack,
  kSentencePiece,
  kTorch7,
  kEngine,
  kLevelTable,  // the index of a TensorFlow checkpoint
  kRawTensors,  // without a header: the shards of a TensorFlow checkpoint, ONNX's external data
  kMedia,       // pictures, sound, films, documents
  kColumns,     // Parquet, Arrow
  kText,
};

// What a loader that goes by the name expects to find.
struct Promise {
  std::string_view what;             // for a person: "a zip"; empty: the name promises nothing
  Family first = Family::kNone;      // what it is called for
  Family second = Family::kNone;     // what it may be as well
  TextKind text = TextKind::kPlain;  // where it is text
  bool is_weights = false;           // an empty file cannot be right

  bool Allows(Family family) const {
    return what.empty() || family == first || (second != Family::kNone && family == second);
  }
};

// Of a name or a NameClass().
Promise PromiseOf(std::string_view name);

}  // namespace batuta::safety
