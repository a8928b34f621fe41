#include "daemon/safety/graph/onnx.h"

#include <map>
#include <random>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/onnx.h"
#include "tests/support/formats/protobuf.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

using formats::BytesField;
using formats::OnnxExternalTensor;
using formats::OnnxFunction;
using formats::OnnxGraph;
using formats::OnnxModel;
using formats::OnnxNode;
using formats::OnnxTensor;
using formats::VarintField;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kFloat = 1;

Verdict Inspect(std::string_view bytes) {
  return InspectWith(InspectOnnx, bytes, "model.onnx");
}

std::string CodesOfTensor(std::string_view tensor) {
  return CodesOf(Inspect(OnnxModel(OnnxGraph({}, {std::string(tensor)}))));
}

std::string CodesOfLocation(std::string_view location) {
  return CodesOfTensor(
      OnnxExternalTensor("w", kFloat, {2}, {{"location", std::string(location)}, {"length", "8"}}));
}

TEST(Onnx, NoAlarmOnThousandsOfValidModels) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 3'000; ++i) {
    const std::string bytes = formats::RandomOnnx(random);
    const Verdict verdict = Inspect(bytes);
    ASSERT_EQ(CodesOf(verdict), "") << verdict.findings.front().text;
    ASSERT_EQ(verdict.format, "onnx");
    ASSERT_TRUE(IsOnnx(bytes));
  }
}

TEST(Onnx, DataInOtherFilesStaysBesideTheModel) {
  for (const std::string_view good :
       {"model.onnx_data", "weights/0.bin", "./w.bin", "a..b", "..data", "w 1.bin"}) {
    EXPECT_EQ(CodesOfLocation(good), "") << good;
  }
  for (const std::string_view bad :
       {"../../etc/passwd", "a/../../b", "a/..", "..", "/etc/passwd", "\\\\host\\share", "C:\\x", "c:x",
        "a\\..\\b", "file:///etc/passwd", "*/_ORT_MEM_ADDR_/*", "~/.ssh/id", "a//b", "a/", "\xff", "a\nb"}) {
    EXPECT_EQ(CodesOfLocation(bad), "onnx-path") << bad;
  }
  EXPECT_EQ(CodesOfLocation(std::string_view("a\0b", 3)), "onnx-path");
  EXPECT_EQ(CodesOfLocation(std::string(2'000, 'a')), "onnx-path");
  EXPECT_EQ(CodesOfLocation(""), "onnx-path");
  const Verdict verdict =
      Inspect(OnnxModel(OnnxGraph({}, {OnnxExternalTensor("w", kFloat, {2}, {{"location", "../x"}})})));
  EXPECT_TRUE(verdict.grades.Has(Grade::kMalicious));
  EXPECT_THAT(verdict.findings.at(0).text, AllOf(HasSubstr("../x"), HasSubstr("out of its folder")));
}

TEST(Onnx, TensorsAreFoundWhereverTheyCanBe) {
  const std::string bad = OnnxExternalTensor("w", kFloat, {1}, {{"location", "/etc/passwd"}});
  const auto sparse = [&](uint32_t part) { return BytesField(part, bad); };
  const auto graph_with = [](std::string_view attribute) {
    return OnnxGraph({OnnxNode("If", "", {std::string(attribute)})}, {});
  };
  const std::string graph = OnnxGraph({}, {bad});
  const std::string models[] = {
      OnnxModel(graph),
      OnnxModel(BytesField(15, sparse(1))),
      OnnxModel(BytesField(15, sparse(2))),
      OnnxModel(graph_with(BytesField(5, bad))),
      OnnxModel(graph_with(BytesField(10, bad))),
      OnnxModel(graph_with(BytesField(6, graph))),
      OnnxModel(graph_with(BytesField(11, graph))),
      OnnxModel(graph_with(BytesField(22, sparse(1)))),
      OnnxModel(graph_with(BytesField(23, sparse(2)))),
      OnnxModel("", BytesField(25, OnnxFunction("d", "f", {OnnxNode("C", "", {BytesField(5, bad)})}))),
      OnnxModel("", BytesField(25, BytesField(11, BytesField(5, bad)))),
      OnnxModel("", BytesField(20, BytesField(1, graph))),
      OnnxModel("", BytesField(20, BytesField(2, graph))),
  };
  for (const std::string& model : models) {
    EXPECT_EQ(CodesOf(Inspect(model)), "onnx-path") << testing::PrintToString(model);
  }
}

TEST(Onnx, TypeShapeAndDataOfATensorAgree) {
  EXPECT_EQ(CodesOfTensor(OnnxTensor("w", kFloat, {2, 3}, std::string(24, 'w'))), "");
  EXPECT_EQ(CodesOfTensor(OnnxTensor("w", 22, {3}, "xx")), "") << "three elements of four bits";
  EXPECT_EQ(CodesOfTensor(OnnxTensor("w", kFloat, {}, "wwww")), "");
  const std::string broken[] = {
      OnnxTensor("w", kFloat, {2, 3}, std::string(23, 'w')),
      OnnxTensor("w", kFloat, {2, 3}, std::string(28, 'w')),
      OnnxTensor("w", 22, {3}, "x"),
      OnnxTensor("w", 0, {1}, "x"),
      OnnxTensor("w", 27, {1}, "x"),
      OnnxTensor("w", 8, {1}, "x"),
      OnnxTensor("w", kFloat, {~uint64_t{0}}, "wwww"),
      OnnxTensor("w", kFloat, {uint64_t{1} << 62U, 4, 4}, ""),
      OnnxTensor("w", kFloat, {uint64_t{1} << 62U, 4, 4, 0}, ""),
      OnnxTensor("w", kFloat, {1}, "wwww") + BytesField(3, VarintField(1, 0)),
      OnnxExternalTensor("w", kFloat, {2}, {{"location", "d"}, {"length", "7"}}),
      OnnxExternalTensor("w", kFloat, {1}, {{"location", "d"}}) + BytesField(9, "wwww"),
  };
  for (const std::string& tensor : broken) {
    EXPECT_EQ(CodesOfTensor(tensor), "onnx-tensor") << testing::PrintToString(tensor);
  }
}

TEST(Onnx, DataInAnotherFileHasAPlaceThere) {
  EXPECT_EQ(CodesOfTensor(OnnxExternalTensor("w", kFloat, {2}, {{"offset", "0"}})), "onnx-external");
  for (const std::string_view bad :
       {"-1", "0x10", "1e3", "", "18446744073709551616", " 1", "18446744073709551615"}) {
    EXPECT_EQ(CodesOfTensor(
                  OnnxExternalTensor("w", kFloat, {2}, {{"location", "d"}, {"offset", std::string(bad)}})),
              "onnx-external")
        << bad;
  }
}

TEST(Onnx, OtherOperatorsAreCodeUnlessTheModelDefinesThem) {
  const auto codes = [](std::string_view op, std::string_view domain, std::string_view more = "") {
    return CodesOf(Inspect(OnnxModel(OnnxGraph({OnnxNode(op, domain)}, {}), more)));
  };
  EXPECT_EQ(codes("Attention", "com.microsoft"), "");
  EXPECT_EQ(codes("Custom", "com.acme"), "onnx-domain");
  EXPECT_EQ(codes("Conv", "AI.ONNX"), "onnx-domain");
  EXPECT_EQ(codes("Custom", "pkg", BytesField(25, OnnxFunction("pkg", "Custom", {OnnxNode("Add")}))), "");
  EXPECT_EQ(codes("Custom", "pkg", BytesField(25, OnnxFunction("pkg", "Other", {}))), "onnx-domain");
  EXPECT_EQ(
      codes("Custom", "pkg", BytesField(25, OnnxFunction("pkg", "Custom", {OnnxNode("X", "com.acme")}))),
      "onnx-domain");
  EXPECT_EQ(codes("EPContext", "com.microsoft"), "onnx-code");
  EXPECT_EQ(codes("PythonOp", "com.microsoft"), "onnx-code");
  const std::string long_name(5'000, 'n');
  EXPECT_EQ(codes(long_name, "pkg", BytesField(25, OnnxFunction("pkg", long_name, {}))), "too-complex");
  // The runtime writes every domain that it has into the models that it optimizes.
  EXPECT_EQ(codes("Add", "", BytesField(8, BytesField(1, "org.pytorch.aten") + VarintField(2, 1))), "");
}

TEST(Onnx, CompiledCodeStaysBesideTheModel) {
  const auto codes = [](std::string_view path, uint64_t embed_mode) {
    return CodesOf(
        Inspect(OnnxModel(OnnxGraph({OnnxNode("EPContext", "com.microsoft",
                                              {BytesField(1, "embed_mode") + VarintField(3, embed_mode),
                                               BytesField(1, "ep_cache_context") + BytesField(4, path)})},
                                    {}))));
  };
  EXPECT_EQ(codes("context.bin", 0), "onnx-code");
  EXPECT_EQ(codes("../context.bin", 0), "onnx-path,onnx-code");
  EXPECT_EQ(codes("\x7f"
                  "ELF/../",
                  1),
            "onnx-code")
      << "the code itself";
}

TEST(Onnx, RefusesWhatReadersTakeInDifferentWays) {
  const std::string graph = OnnxGraph({}, {});
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(graph))), "");
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(graph, BytesField(7, graph)))), "onnx-broken")
      << "two graphs are merged";
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(graph, VarintField(77, 1)))), "onnx-field");
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(graph, VarintField(25, 1)))), "onnx-broken") << "of another kind";
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(graph, "\x0b"))), "onnx-unread") << "a group";
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(graph, "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))),
            "onnx-unread");
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(graph, "\x0e"))), "onnx-broken") << "of a kind that does not exist";
  EXPECT_EQ(CodesOf(Inspect(VarintField(1, 10))), "onnx-no-graph");
  EXPECT_EQ(CodesOfTensor(OnnxExternalTensor("w", kFloat, {2}, {{"location", "a"}}) +
                          BytesField(13, BytesField(1, "location") + BytesField(2, "b"))),
            "onnx-broken");
  std::string deep = graph;
  for (int i = 0; i < 40; ++i) deep = OnnxGraph({OnnxNode("If", "", {BytesField(6, deep)})}, {});
  EXPECT_EQ(CodesOf(Inspect(OnnxModel(deep))), "onnx-broken") << "nested too deeply";
}

TEST(Onnx, PrefixesAndAppendedBytesAreRefused) {
  const std::string bytes = OnnxModel(OnnxGraph({OnnxNode("Add")}, {OnnxTensor("w", kFloat, {1}, "wwww")}),
                                      BytesField(14, BytesField(1, "key") + BytesField(2, "value")));
  ASSERT_EQ(CodesOf(Inspect(bytes)), "");
  // A prefix that ends between two fields of the model is a model.
  const size_t first = bytes.find("graph");
  for (size_t size = 2; size < first + 30; ++size) {
    EXPECT_NE(CodesOf(Inspect(bytes.substr(0, size))), "") << size;
  }
  for (int byte = 0; byte < 256; ++byte) EXPECT_NE(CodesOf(Inspect(bytes + static_cast<char>(byte))), "");
  EXPECT_NE(CodesOf(Inspect(bytes + "PK\3\4")), "");
}

TEST(Onnx, AnyChangedByteGivesAnAnswer) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes = formats::RandomOnnx(random);
    bytes[random() % bytes.size()] = static_cast<char>(random());
    Inspect(bytes);
  }
}

TEST(Onnx, ReadsOverTheDataOfTensors) {
  const std::string bytes =
      OnnxModel(OnnxGraph({}, {OnnxTensor("w", 2, {8 << 20}, std::string(8 << 20, 'w'))}));
  CountingSource source(bytes);
  EXPECT_EQ(CodesOf(InspectWith(InspectOnnx, source).verdict), "");
  EXPECT_LE(source.read_bytes(), 256U << 10U);
}

TEST(Onnx, DataInOtherFilesIsThereAndLongEnough) {
  const std::string bytes = OnnxModel(OnnxGraph(
      {},
      {OnnxExternalTensor("a", kFloat, {2}, {{"location", "d/w.bin"}, {"offset", "4096"}, {"length", "8"}}),
       OnnxExternalTensor("b", kFloat, {1}, {{"location", "d/w.bin"}}),
       OnnxExternalTensor("c", kFloat, {1}, {{"location", "other"}})}));
  const auto codes = [&](const std::map<std::string, uint64_t, std::less<>>& files) {
    MemorySource source(bytes);
    Report report;
    Subject subject("model.onnx", source, report, nullptr);
    const auto size_of = [&](std::string_view path) -> std::optional<uint64_t> {
      const auto found = files.find(path);
      if (found == files.end()) return std::nullopt;
      return found->second;
    };
    EXPECT_TRUE(InspectOnnxData(subject, size_of).ok());
    return CodesOf(std::move(report).Take());
  };
  EXPECT_EQ(codes({{"d/w.bin", 4104}, {"other", 4}}), "");
  EXPECT_EQ(codes({{"d/w.bin", 4103}, {"other", 4}}), "onnx-data-missing");
  EXPECT_EQ(codes({{"d/w.bin", 4104}}), "onnx-data-missing");
}

}  // namespace
}  // namespace batuta::safety
