// Any bytes under any name: they are judged, within bounds, and the same way each time. The first byte
// chooses the name.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/safety/inspector.h"
#include "daemon/safety/name_class.h"

namespace {

using namespace batuta::safety;

constexpr std::string_view kNames[] = {"a",
                                       "a.bin",
                                       "a.safetensors",
                                       "a.gguf",
                                       "a.npy",
                                       "a.npz",
                                       "a.h5",
                                       "a.keras",
                                       "a.onnx",
                                       "a.tflite",
                                       "a.pb",
                                       "a.index",
                                       "a.mlmodel",
                                       "a.msgpack",
                                       "a.zip",
                                       "a.nemo",
                                       "a.tar",
                                       "a.gz",
                                       "a.png",
                                       "a.mp4",
                                       "a.parquet",
                                       "a.model",
                                       "a.t7",
                                       "config.json",
                                       "a.jsonl",
                                       "a.yaml",
                                       "a.jinja",
                                       "a.html",
                                       "a.xml",
                                       "a.svg",
                                       "a.tiktoken",
                                       "a.ipynb",
                                       "a.py",
                                       "a.md",
                                       "model_index.json",
                                       "modules.json",
                                       "adapter_config.json",
                                       "tokenizer.json",
                                       "m.safetensors.index.json",
                                       "v.data-00000-of-00001"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view name = kNames[data[0] % std::size(kNames)];
  MemorySource bytes({reinterpret_cast<const char*>(data) + 1, size - 1});
  const Outcome outcome = Inspect(name, bytes);
  // Memory can always be read.
  if (!outcome.status.ok()) std::abort();
  if (outcome.verdict.findings.empty() != outcome.verdict.grades.empty()) std::abort();
  if (Inspect(NameClass(name), bytes).verdict != outcome.verdict) std::abort();
  return 0;
}
