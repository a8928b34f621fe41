// Writes the corpora of this folder anew: make_graph_seeds tests/fuzz/safety/graph
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/support/formats/flatbuffer.h"
#include "tests/support/formats/hdf5.h"
#include "tests/support/formats/level_table.h"
#include "tests/support/formats/protobuf.h"
#include "tests/support/formats/tensorflow.h"

namespace {

using namespace batuta::formats;  // NOLINT(google-build-using-namespace): they are all it speaks of

constexpr char kModel[] =
    R"({"module": "keras", "class_name": "Sequential", "registered_name": "Sequential", "config": {"layers": [
{"module": "keras.layers", "class_name": "Dense", "config": {"activation": {"module": "keras.activations", "class_name":
"function", "config": "relu", "registered_name": "relu"}}, "registered_name": null}]}, "compile_config": {"loss": "mse"}})";
constexpr char kLambda[] =
    R"({"class_name": "Functional", "config": {"layers": [{"class_name": "\u004cambda", "config": {"function": ["4w==", null]}},
{"class_name": "StringLookup", "config": {"vocabulary": "/dev/null", "class_name": "a", "class_name": "acme>B"}}]}})";

class Seeds {
 public:
  explicit Seeds(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void Write(std::string_view corpus, std::string_view name, std::string_view bytes) const {
    const std::filesystem::path path = folder_ / corpus / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }

 private:
  std::filesystem::path folder_;
};

void WriteHdf5(const Seeds& seeds) {
  seeds.Write("hdf5_corpus", "weights", Hdf5Weights());
  seeds.Write("hdf5_corpus", "model", Hdf5Model(kModel));
  seeds.Write("hdf5_corpus", "long_model", Hdf5LongModel(kLambda));
  Hdf5File file;
  const uint64_t chunked = file.AddObject({Hdf5Space({8}), Hdf5Float32(), Hdf5Filters({2, 1, 3}),
                                           Hdf5Chunked(file.AddChunk({8}, "packed bytes"), {8})});
  const std::string more = Hdf5Messages({Hdf5OtherLink("other", 64, std::string("\0x.h5\0/", 7))});
  const uint64_t rest = file.Add(more);
  seeds.Write("hdf5_corpus", "new_header",
              file.TakeNew(file.AddNewObject(
                  {Hdf5HardLink("w", chunked), Hdf5OtherLink("soft", 1, "/w"),
                   Hdf5LongText("training_config", file.AddHeap(kModel), sizeof kModel - 1)})));
  seeds.Write("hdf5_corpus", "continued", file.Take(file.AddObject({Hdf5Continuation(rest, more.size())})));
}

void WriteTensorflow(const Seeds& seeds) {
  const std::string graph = TfGraph(
      {TfNode("x", "Placeholder"), TfConstant("path", "assets/v.txt"),
       TfNode("fill", "InitializeTableFromTextFileV2", {"x", "path:0"}),
       TfNode("call", "PartitionedCall", {"x"}, TfAttribute("f", BytesField(10, BytesField(1, "inner"))))},
      {TfFunction("inner", {TfNode("m", "MatMul"), TfNode("c", "Acme>Custom")})});
  seeds.Write("tensorflow_corpus", "saved_model", TfSavedModel(graph));
  seeds.Write("tensorflow_corpus", "packed", TfGraph({TfNode("n", "NoOp"), TfConstant("g", graph)}, {}));
  seeds.Write(
      "tensorflow_corpus", "meta_graph",
      BytesField(2, graph) + BytesField(6, BytesField(1, BytesField(1, "path:0")) + BytesField(2, "v.txt")));
  seeds.Write("tensorflow_corpus", "keras_metadata",
              BytesField(1, VarintField(2, 1) + BytesField(4, "_tf_keras_layer") + BytesField(5, kLambda)));
  seeds.Write("tensorflow_corpus", "fingerprint",
              VarintField(1, 7) + VarintField(2, 8) + BytesField(7, "uuid"));
}

void WriteTflite(const Seeds& seeds) {
  FlatTable operation = TfliteOperation();
  operation.fields[3] = FlatNumber{1, 17};
  operation.tables[4] = {FlatTable{.fields = {{0, FlatInts{2, -1}}}}};
  seeds.Write("tflite_corpus", "builtin", TfliteFile(TfliteModel(TfliteBuiltin(22), operation)));
  FlatTable flex = TfliteOperation();
  flex.fields[5] = FlatBytes{FlexOptions("AddV2", TfNode("n", "AddV2"))};
  seeds.Write("tflite_corpus", "flex", TfliteFile(TfliteModel(TfliteCustom("FlexAddV2"), flex)));
  seeds.Write("tflite_corpus", "custom", TfliteFile(TfliteModel(TfliteCustom("Acme"), TfliteOperation())));
}

void WriteOthers(const Seeds& seeds) {
  const std::string tensor =
      VarintField(1, 1) + BytesField(2, BytesField(2, VarintField(1, 4))) + VarintField(5, 16);
  seeds.Write(
      "checkpoint_index_corpus", "table",
      LevelTable({LevelBlock({{"", VarintField(1, 1)}, {"a", tensor}}), LevelBlock({{"b", tensor}})}));
  seeds.Write("keras_config_corpus", "model", kModel);
  seeds.Write("keras_config_corpus", "lambda", kLambda);
  const std::string layer = BytesField(1, BytesField(1, "a") + BytesField(500, BytesField(10, "App")));
  const std::string network = BytesField(1, BytesField(1, "b") + BytesField(600, BytesField(1, layer)));
  const std::string values =
      BytesField(5, BytesField(1, "val") + BytesField(2, BytesField(5, BytesField(1, "@model_path/w.bin"))));
  const std::string block = BytesField(3, BytesField(1, "const") + values);
  const std::string function = BytesField(3, BytesField(1, "CoreML7") + BytesField(2, block));
  const std::string head = VarintField(1, 4) + BytesField(2, BytesField(1, "x"));
  seeds.Write("coreml_corpus", "network", head + BytesField(500, network));
  seeds.Write("coreml_corpus", "program",
              head + BytesField(502, BytesField(2, BytesField(1, "main") + BytesField(2, function))));
  seeds.Write(
      "openvino_corpus", "network",
      "<?xml version=\"1.0\"?>\n<net name=\"n\" version=\"11\"><layers><layer id=\"0\" type=\"Const\" "
      "version=\"opset1\"><data offset=\"0\" size=\"16\"/></layer><layer type=\"X\" version=\"extension\"/>"
      "</layers></net>\n");
  seeds.Write("openvino_corpus", "entities",
              "<!DOCTYPE net [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;\">]><net n=\"&c;\">&c;</net>");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const Seeds seeds(argv[1]);
  WriteHdf5(seeds);
  WriteTensorflow(seeds);
  WriteTflite(seeds);
  WriteOthers(seeds);
  return 0;
}
