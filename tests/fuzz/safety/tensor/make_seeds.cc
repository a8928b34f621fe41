// Writes the seeds of the fuzz targets for files of tensors: make_tensor_seeds tests/fuzz/safety
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "tests/support/formats/gguf.h"
#include "tests/support/formats/msgpack.h"
#include "tests/support/formats/onnx.h"
#include "tests/support/formats/protobuf.h"
#include "tests/support/formats/safetensors.h"

namespace batuta::formats {
namespace {

void Write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// Small, and not so small that there is nothing in it.
template <typename Make>
std::string Small(std::mt19937_64& random, Make make) {
  while (true) {
    std::string bytes = make(random);
    if (bytes.size() > 300 && bytes.size() < 1'200) return bytes;
  }
}

GgufFile WithTemplate() {
  GgufFile file;
  file.pairs = {
      GgufText("tokenizer.chat_template", "{% for m in messages %}{{ m['role'] }}{% endfor %}"),
      GgufArray("tokenizer.chat_templates", gguf::ValueType::kString, 1, GgufString("{{ x }}")),
      GgufNumber("general.alignment", gguf::ValueType::kU32, 16),
      GgufNumber("split.no", gguf::ValueType::kU16, 0),
      GgufNumber("split.count", gguf::ValueType::kU16, 2),
      GgufArray("nested", gguf::ValueType::kArray, 1, GgufArray("", gguf::ValueType::kU8, 2, "ab").value)};
  file.tensors = {{"a", {32, 2}, 2}, {"b", {3}, 1}};
  return file;
}

std::string Pieces() {
  std::string bytes;
  for (const char* text : {"<unk>", "<s>", "\xe2\x96\x81the", "<0x0A>"}) {
    bytes += BytesField(1, BytesField(1, text) + FloatField(2, -1.5F) + VarintField(3, 1));
  }
  return bytes + BytesField(2, BytesField(2, "m") + VarintField(4, 4)) + BytesField(3, BytesField(1, "nfkc"));
}

std::string ModelWithEverything() {
  const std::string function = OnnxFunction("local", "F", {OnnxNode("Add")});
  return OnnxModel(
      OnnxGraph({OnnxNode("F", "local"), OnnxNode("X", "com.acme"), OnnxNode("EPContext", "com.microsoft")},
                {OnnxTensor("a", 1, {1}, "wwww"), OnnxExternalTensor("b", 1, {1}, {{"location", "../x"}}),
                 OnnxExternalTensor("c", 1, {1}, {{"location", "d"}, {"offset", "0"}, {"length", "4"}})}),
      BytesField(25, function));
}

void WriteAll(const std::filesystem::path& folder) {
  std::mt19937_64 random(1);
  for (const char* name : {"one", "two", "three"}) {
    Write(folder / "tensor/safetensors_corpus" / name, Small(random, RandomSafetensors));
    Write(folder / "tensor/gguf_corpus" / name,
          Small(random, [](std::mt19937_64& source) { return RandomGguf(source).Bytes(); }));
    Write(folder / "tensor/msgpack_corpus" / name, Small(random, RandomMsgpack));
    Write(folder / "graph/onnx_corpus" / name, Small(random, RandomOnnx));
  }
  Write(folder / "tensor/safetensors_corpus/overlap",
        Safetensors(R"({"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]},)"
                    R"("a":{"dtype":"F4","shape":[8],"data_offsets":[0,4]},"__metadata__":{"_target_":"x"}})",
                    6));
  Write(folder / "tensor/gguf_corpus/template", WithTemplate().Bytes());
  Write(folder / "graph/onnx_corpus/everything", ModelWithEverything());
  Write(folder / "graph/sentencepiece_corpus/pieces", Pieces());
}

}  // namespace
}  // namespace batuta::formats

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  batuta::formats::WriteAll(argv[1]);
  return 0;
}
