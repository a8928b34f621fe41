#include "daemon/safety/families.h"

#include "daemon/safety/bundle/bundle.h"
#include "daemon/safety/container/compression.h"
#include "daemon/safety/container/tar.h"
#include "daemon/safety/graph/checkpoint_index.h"
#include "daemon/safety/graph/coreml.h"
#include "daemon/safety/graph/hdf5.h"
#include "daemon/safety/graph/onnx.h"
#include "daemon/safety/graph/sentencepiece.h"
#include "daemon/safety/graph/tensorflow.h"
#include "daemon/safety/graph/tflite.h"
#include "daemon/safety/media/media.h"
#include "daemon/safety/pickle/npy.h"
#include "daemon/safety/pickle/pickle.h"
#include "daemon/safety/rules.h"
#include "daemon/safety/tensor/gguf.h"
#include "daemon/safety/tensor/msgpack.h"
#include "daemon/safety/tensor/safetensors.h"

namespace batuta::safety {
namespace {

// NOLINTNEXTLINE(misc-unused-using-decls): the literals use it, without its name.
using std::string_view_literals::operator""sv;

struct Signature {
  std::string_view bytes;
  uint32_t offset = 0;
  Recognised format;
};

constexpr Recognised kZip{Family::kZip, "a zip", InspectZip};

const Signature kSignatures[] = {
    {kGgufMagic, 0, {Family::kGguf, "GGUF", InspectGguf}},
    {"\x93NUMPY"sv, 0, {Family::kNumpyArray, "a numpy array", InspectNpy}},
    {"\x89HDF\r\n\x1A\n"sv, 0, {Family::kHdf5, "HDF5", InspectHdf5}},
    {"PK\3\4"sv, 0, kZip},
    {"PK\5\6"sv, 0, kZip},
    {"TFL3"sv, 4, {Family::kTflite, "TFLite", InspectTflite}},
};

// Numbers and nothing else: their shapes stand in the model that they belong to, which is inspected by
// itself.
absl::Status InspectRawTensors(Subject& subject) {
  subject.SetFormat("raw tensors");
  return InspectZipAtEnd(subject);  // the name alone says that they are all
}

// Neither has a signature: what is none of the formats that have one is what the name says.
absl::Status InspectTorch7(Subject& subject) {
  subject.SetFormat("torch7");
  subject.Add(rules::kTorch7, 0, "a Torch7 file can hold functions");
  return absl::OkStatus();
}

absl::Status InspectEngine(Subject& subject) {
  subject.SetFormat("inference engine");
  subject.Add(rules::kEngine, 0, "an inference engine is code for one device");
  return absl::OkStatus();
}

}  // namespace

Recognised ByBeginning(std::string_view first) {
  for (const Signature& signature : kSignatures) {
    if (first.size() >= signature.offset && first.substr(signature.offset).starts_with(signature.bytes)) {
      return signature.format;
    }
  }
  for (const MediaFormat& format : MediaFormats()) {
    if (first.size() >= format.offset && first.substr(format.offset).starts_with(format.signature)) {
      return {format.is_table ? Family::kColumns : Family::kMedia, format.what, format.inspect};
    }
  }
  if (IsSafetensors(first)) return {Family::kSafetensors, "safetensors", InspectSafetensors};
  if (IsTar(first)) return {Family::kTar, "a tar", InspectTar};
  if (const std::string_view name = ForeignArchiveName(first); !name.empty()) {
    return {Family::kForeignArchive, name, InspectForeignArchive};
  }
  // Next to no signature: these come last.
  if (IsOldJoblib(first)) return {Family::kCompressed, "compressed data", InspectOldJoblib};
  if (ProbeCompression(first).has_value()) return {Family::kCompressed, "compressed data", InspectCompressed};
  return {};
}

Recognised ByPromise(const Promise& promise, std::string_view first) {
  switch (promise.first) {
    case Family::kOnnx:
      if (IsOnnx(first)) return {Family::kOnnx, "ONNX", InspectOnnx};
      break;
    case Family::kMsgpack:
      if (IsMsgpack(first)) return {Family::kMsgpack, "msgpack", InspectMsgpack};
      break;
    case Family::kSentencePiece:
      if (IsSentencePiece(first))
        return {Family::kSentencePiece, "a SentencePiece model", InspectSentencePiece};
      break;
    case Family::kTensorflow:
      if (IsTensorflow(first)) return {Family::kTensorflow, "a TensorFlow graph", InspectTensorflow};
      break;
    case Family::kCoreml:
      if (IsCoreml(first)) return {Family::kCoreml, "CoreML", InspectCoreml};
      break;
    case Family::kLevelTable:
      return {Family::kLevelTable, "the index of a TensorFlow checkpoint", InspectCheckpointIndex};
    case Family::kTorch7:
      return {Family::kTorch7, "Torch7", InspectTorch7};
    case Family::kEngine:
      return {Family::kEngine, "an inference engine", InspectEngine};
    case Family::kRawTensors:
      return {Family::kRawTensors, "raw tensors", InspectRawTensors};
    default:
      break;
  }
  return {};
}

}  // namespace batuta::safety
