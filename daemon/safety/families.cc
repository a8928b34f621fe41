#include "daemon/safety/families.h"

#include "daemon/safety/pickle/npy.h"
#include "daemon/safety/pickle/pickle.h"
#include "daemon/safety/rules.h"
#include "daemon/safety/tensor/gguf.h"
#include "daemon/safety/tensor/safetensors.h"

namespace batuta::safety {
namespace {

using std::string_view_literals::operator""sv;

struct Signature {
  std::string_view bytes;
  uint32_t offset = 0;
  Recognised format;
};

absl::Status InspectLater(Subject& subject) {
  subject.Add(rules::kNotInspected, 0, "this format cannot be looked into");
  return absl::OkStatus();
}

constexpr Recognised kZip{Family::kZip, "a zip", InspectLater};
constexpr Recognised kCompressed{Family::kCompressed, "compressed data", InspectLater};

const Signature kSignatures[] = {
    {kGgufMagic, 0, {Family::kGguf, "GGUF", InspectGguf}},
    {"\x93NUMPY"sv, 0, {Family::kNumpyArray, "a numpy array", InspectLater}},
    {"\x89HDF\r\n\x1A\n"sv, 0, {Family::kHdf5, "HDF5", InspectLater}},
    {"PK\3\4"sv, 0, kZip},
    {"PK\5\6"sv, 0, kZip},
    {"\x1F\x8B"sv, 0, kCompressed},
    {"BZh"sv, 0, kCompressed},
    {"\xFD"
     "7zXZ\0"sv,
     0, kCompressed},
    {"\x04\x22\x4D\x18"sv, 0, kCompressed},
    {"\x28\xB5\x2F\xFD"sv, 0, kCompressed},
    {"TFL3"sv, 4, {Family::kTflite, "TFLite", InspectLater}},
};

}  // namespace

Recognised ByBeginning(std::string_view first) {
  for (const Signature& signature : kSignatures) {
    if (first.size() >= signature.offset && first.substr(signature.offset).starts_with(signature.bytes)) {
      return signature.format;
    }
  }
  if (IsSafetensors(first)) return {Family::kSafetensors, "safetensors", InspectSafetensors};
  return {};
}

Recognised ByPromise(const Promise& /*promise*/) {
  return {};
}

}  // namespace batuta::safety
