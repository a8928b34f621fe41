#include "daemon/safety/among_others.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/gguf.h"
#include "tests/support/formats/onnx.h"
#include "tests/support/formats/safetensors.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

// Files in memory; of those that are away only the size is known.
class FakeSnapshot final : public Snapshot {
 public:
  explicit FakeSnapshot(std::map<std::string, std::string, std::less<>> files) : files_(std::move(files)) {}

  void TakeAway(std::string_view path) { away_.emplace_back(path); }

  std::optional<uint64_t> SizeBytes(std::string_view path) override {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    return found->second.size();
  }

  absl::StatusOr<std::unique_ptr<ByteSource>> Open(std::string_view path) override {
    for (const std::string& away : away_) {
      if (away == path) return absl::OutOfRangeError("not here yet");
    }
    return std::make_unique<MemorySource>(files_.find(path)->second);
  }

  std::string CodesOfFile(std::string_view path) {
    const Outcome outcome = InspectAmongOthers(path, *this);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    return CodesOf(outcome.verdict);
  }

 private:
  std::map<std::string, std::string, std::less<>> files_;
  std::vector<std::string> away_;
};

std::string OneTensor(const std::string& name) {
  return formats::Safetensors("{\"" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
}

TEST(AmongOthers, AnIndexAgreesWithTheShardsBesideIt) {
  FakeSnapshot snapshot({
      {"unet/m.safetensors.index.json", R"({"weight_map":{"a":"1.safetensors","b":"./2.safetensors"}})"},
      {"unet/1.safetensors", OneTensor("a")},
      {"unet/2.safetensors", OneTensor("b")},
      {"elsewhere.safetensors.index.json", R"({"weight_map":{"a":"1.safetensors"}})"},
      {"wrong.safetensors.index.json", R"({"weight_map":{"b":"unet/1.safetensors"}})"},
      {"way.safetensors.index.json", R"({"weight_map":{"a":"unet/../unet/1.safetensors"}})"},
      {"text.safetensors.index.json", R"({"weight_map":{"a":"readme"}})"},
      {"readme", "a readme"},
  });
  EXPECT_EQ(snapshot.CodesOfFile("unet/m.safetensors.index.json"), "");
  EXPECT_EQ(snapshot.CodesOfFile("elsewhere.safetensors.index.json"), "index-missing-file");
  EXPECT_EQ(snapshot.CodesOfFile("wrong.safetensors.index.json"), "index-missing-tensor");
  EXPECT_EQ(snapshot.CodesOfFile("way.safetensors.index.json"), "index-missing-file");
  EXPECT_EQ(snapshot.CodesOfFile("text.safetensors.index.json"), "index-other-format");
  snapshot.TakeAway("unet/1.safetensors");
  EXPECT_EQ(snapshot.CodesOfFile("wrong.safetensors.index.json"), "")
      << "what is not here yet is not missing";
}

TEST(AmongOthers, TheValuesOfAnOpenvinoModelAreBesideIt) {
  const std::string model =
      R"(<net><layers><layer type="Const" version="opset1"><data offset="4" size="4"/></layer></layers></net>)";
  FakeSnapshot snapshot({{"a/m.xml", model},
                         {"a/m.bin", std::string(8, 'w')},
                         {"b/m.xml", model},
                         {"b/m.bin", std::string(7, 'w')},
                         {"m.xml", model},
                         {"notes.xml", "<notes><layer type=\"Const\"><data/></layer></notes>"}});
  EXPECT_EQ(snapshot.CodesOfFile("a/m.xml"), "");
  EXPECT_EQ(snapshot.CodesOfFile("b/m.xml"), "openvino-data");
  EXPECT_EQ(snapshot.CodesOfFile("m.xml"), "openvino-data");
  EXPECT_EQ(snapshot.CodesOfFile("notes.xml"), "");
}

TEST(AmongOthers, TheDataOfAnOnnxModelIsBesideIt) {
  const std::string model = formats::OnnxModel(
      formats::OnnxGraph({}, {formats::OnnxExternalTensor("w", 1, {2}, {{"location", "m.data"}})}));
  FakeSnapshot snapshot({{"onnx/m.onnx", model},
                         {"onnx/m.data", std::string(8, 'w')},
                         {"m.onnx", model},
                         {"short/m.onnx", model},
                         {"short/m.data", std::string(7, 'w')}});
  EXPECT_EQ(snapshot.CodesOfFile("onnx/m.onnx"), "");
  EXPECT_EQ(snapshot.CodesOfFile("m.onnx"), "onnx-data-missing");
  EXPECT_EQ(snapshot.CodesOfFile("short/m.onnx"), "onnx-data-missing");
}

TEST(AmongOthers, APartOfAGgufModelIsTheOneThatItsNameSays) {
  formats::GgufFile file;
  file.pairs = {formats::GgufNumber("split.no", gguf::ValueType::kU16, 0),
                formats::GgufNumber("split.count", gguf::ValueType::kU16, 2)};
  FakeSnapshot snapshot({{"m-00001-of-00002.gguf", file.Bytes()}, {"m-00002-of-00002.gguf", file.Bytes()}});
  EXPECT_EQ(snapshot.CodesOfFile("m-00001-of-00002.gguf"), "");
  EXPECT_EQ(snapshot.CodesOfFile("m-00002-of-00002.gguf"), "gguf-split");
}

TEST(AmongOthers, OtherFilesSpeakOfNone) {
  FakeSnapshot snapshot({});
  EXPECT_EQ(snapshot.CodesOfFile("model.safetensors"), "");
  EXPECT_FALSE(SpeaksOfOthers("config.json"));
  EXPECT_TRUE(SpeaksOfOthers("a/model.safetensors.index.json"));
}

}  // namespace
}  // namespace batuta::safety
