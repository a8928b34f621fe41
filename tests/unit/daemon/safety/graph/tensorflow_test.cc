#include "daemon/safety/graph/tensorflow.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/rules.h"
#include "tests/support/formats/protobuf.h"
#include "tests/support/formats/tensorflow.h"
#include "tests/unit/daemon/safety/graph/inspect.h"

namespace batuta::safety {
namespace {

using formats::BytesField;
using formats::TfAttribute;
using formats::TfConstant;
using formats::TfFunction;
using formats::TfGraph;
using formats::TfNode;
using formats::TfSavedModel;
using formats::VarintField;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What every saved model has beside its own nodes.
const std::vector<std::string> kPlumbing = {TfNode("saver", "SaveV2"),
                                            TfNode("restore", "RestoreV2"),
                                            TfNode("merge", "MergeV2Checkpoints"),
                                            TfNode("name", "ShardedFilename"),
                                            TfNode("match", "StaticRegexFullMatch"),
                                            TfNode("join", "StringJoin")};

std::string Graph(std::vector<std::string> nodes, const std::vector<std::string>& functions = {}) {
  nodes.insert(nodes.begin(), TfNode("x", "Placeholder"));
  return TfGraph(nodes, functions);
}

std::string KerasNode(std::string_view kind, std::string_view config) {
  return BytesField(1,
                    VarintField(2, 1) + BytesField(3, "root") + BytesField(4, kind) + BytesField(5, config));
}

std::string Table(const std::string& path, bool is_asset) {
  const std::string graph = Graph({TfConstant("path", path), TfNode("table", "HashTableV2"),
                                   TfNode("fill", "InitializeTableFromTextFileV2", {"table", "path:0"})});
  const std::string asset =
      is_asset ? BytesField(6, BytesField(1, BytesField(1, "path:0")) + BytesField(2, "v.txt")) : "";
  return VarintField(1, 1) + BytesField(2, BytesField(2, graph) + asset);
}

TEST(Tensorflow, OrdinaryModelsAreSafe) {
  std::vector<std::string> nodes = kPlumbing;
  nodes.push_back(TfNode("call", "StatefulPartitionedCall", {"x"},
                         TfAttribute("f", BytesField(10, BytesField(1, "inner")))));
  nodes.push_back(TfNode("old call", "inner", {"x"}));
  const std::vector<std::string> functions = {
      TfFunction("inner", {TfNode("mul", "MatMul"), TfNode("add", "BiasAdd")})};

  const struct {
    std::string file;
    std::string_view format;
  } rows[] = {
      {TfSavedModel(Graph(nodes, functions)), "tensorflow saved model"},
      {Graph(nodes, functions), "tensorflow graph"},
      {BytesField(1, BytesField(1, "v") + BytesField(2, BytesField(1, BytesField(1, "Add")))) +
           BytesField(2, Graph(nodes, functions)),
       "tensorflow meta graph"},
      {BytesField(2, Graph({})), "tensorflow meta graph"},
      {KerasNode("_tf_keras_layer", R"({"class_name": "Dense", "config": {}})") +
           KerasNode("_tf_keras_metric", ""),
       "keras metadata"},
      {VarintField(1, 7) + VarintField(2, 8) + VarintField(5, 9) + BytesField(7, "uuid"),
       "tensorflow fingerprint"},
      {Graph(
           {TfNode("p", "PrintV2", {"x"}, TfAttribute("output_stream", BytesField(2, "stderr"))),
            TfNode("d", "DecodeProtoV2", {"x"}, TfAttribute("descriptor_source", BytesField(2, "local://"))),
            TfNode("c", "FixedUnigramCandidateSampler", {"x"},
                   TfAttribute("vocab_file", BytesField(2, "")))}),
       "tensorflow graph"},
      {Graph({TfConstant("empty", ""), TfNode("cache", "CacheDataset", {"x", "empty"})}), "tensorflow graph"},
      {Table("assets/vocab.txt", false), "tensorflow saved model"},
      {Table("/home/author/vocab.txt", true), "tensorflow saved model"},
      {Graph({TfConstant("words", "PyFunc is a word here")}), "tensorflow graph"},
  };

  for (const auto& row : rows) {
    const Verdict verdict = InspectWith(InspectTensorflow, row.file);
    EXPECT_THAT(Codes(verdict), IsEmpty())
        << row.format << (verdict.findings.empty() ? "" : verdict.findings[0].text);
    EXPECT_EQ(verdict.format, row.format);
  }
}

TEST(Tensorflow, EveryGroupOfOperationsIsFoundWhereverItStands) {
  const struct {
    const char* op;
    std::string_view code;
  } rows[] = {
      {"PyFunc", rules::kTensorflowProgram.code},
      {"PyFuncStateless", rules::kTensorflowProgram.code},
      {"EagerPyFunc", rules::kTensorflowProgram.code},
      {"XlaHostCompute", rules::kTensorflowProgram.code},
      {"RemoteCall", rules::kTensorflowProgram.code},
      {"ReadFile", rules::kTensorflowFile.code},
      {"WriteFile", rules::kTensorflowFile.code},
      {"MatchingFiles", rules::kTensorflowFile.code},
      {"WholeFileReaderV2", rules::kTensorflowFile.code},
      {"TextLineDataset", rules::kTensorflowFile.code},
      {"FixedLengthRecordDatasetV2", rules::kTensorflowFile.code},
      {"TFRecordDataset", rules::kTensorflowFile.code},
      {"LMDBReader", rules::kTensorflowFile.code},
      {"ImmutableConst", rules::kTensorflowFile.code},
      {"SaveDatasetV2", rules::kTensorflowFile.code},
      {"LoadDataset", rules::kTensorflowFile.code},
      {"SnapshotDatasetV2", rules::kTensorflowFile.code},
      {"LookupTableExportV2", rules::kTensorflowFile.code},
      {"CreateSummaryFileWriter", rules::kTensorflowFile.code},
      {"DebugIdentityV2", rules::kTensorflowNetwork.code},
      {"DataServiceDatasetV4", rules::kTensorflowNetwork.code},
      {"Rpc", rules::kTensorflowNetwork.code},
      {"BigQueryReader", rules::kTensorflowNetwork.code},
      {"GcsConfigureCredentials", rules::kTensorflowNetwork.code},
      {"Addons>Gelu", rules::kTensorflowCustom.code},
      {"pyfunc", rules::kTensorflowCustom.code},
  };

  for (const auto& row : rows) {
    const std::string node = TfNode("n", row.op);
    const std::string function = TfFunction("f", {node});
    const std::string packed = Graph({TfConstant("g", Graph({node}))});
    const std::string places[] = {
        Graph({node}),
        TfSavedModel(Graph({node})),
        BytesField(2, Graph({node})),  // a meta graph
        TfSavedModel(Graph({}, {TfFunction("other", {}), function})),
        TfSavedModel(packed),
        TfSavedModel(Graph({TfConstant("g", packed)})),  // two deep
        TfSavedModel(Graph({}, {TfFunction("f", {TfConstant("g", Graph({}, {function}))})})),
        Graph({TfNode("d", "DatasetFromGraph", {}, TfAttribute("graph_def", BytesField(2, Graph({node}))))}),
        Graph(
            {TfNode("d", "Identity", {},
                    TfAttribute("list", BytesField(1, BytesField(2, "x") + BytesField(2, Graph({node})))))}),
        // In the arguments of a function that is an argument.
        Graph({TfNode(
            "d", "PartitionedCall", {},
            TfAttribute(
                "f", BytesField(10, BytesField(1, "f") +
                                        BytesField(2, BytesField(1, "a") +
                                                          BytesField(2, BytesField(2, Graph({node})))))))}),
        // The last of two wins, the first counts all the same.
        TfGraph({TfNode("x", "NoOp"), BytesField(1, "n") + BytesField(2, row.op) + BytesField(2, "NoOp")},
                {}),
    };
    for (const std::string& file : places) {
      EXPECT_THAT(Codes(InspectWith(InspectTensorflow, file)), ElementsAre(row.code))
          << row.op << " in place " << &file - places;
    }
  }
}

TEST(Tensorflow, OperationsThatMayNameAFileAreHeldToIt) {
  const std::string files[] = {
      Graph({TfNode("p", "PrintV2", {"x"}, TfAttribute("output_stream", BytesField(2, "file:///etc/motd")))}),
      Graph({TfNode("d", "DecodeProtoV2", {"x"},
                    TfAttribute("descriptor_source", BytesField(2, "/etc/passwd")))}),
      Graph({TfNode("e", "EncodeProto", {"x"}, TfAttribute("descriptor_source", BytesField(2, "x.pb")))}),
      Graph({TfNode("c", "FixedUnigramCandidateSampler", {"x"},
                    TfAttribute("vocab_file", BytesField(2, "/v")))}),
      Graph({TfConstant("path", "/tmp/cache"), TfNode("cache", "CacheDatasetV2", {"x", "path"})}),
      Graph({TfNode("cache", "CacheDataset", {"x", "x"})}),  // told from outside
      Graph({TfNode("cache", "CacheDataset", {"x"})}),
      Table("/etc/passwd", false),
      Table("assets/../../x", false),
      Table("assets/" + std::string(600, 'x') + "/../../../y", false),
      BytesField(2, Graph({})) +
          BytesField(6, BytesField(1, BytesField(1, "x:0")) + BytesField(2, "../../x")),
      Graph({}, {TfFunction("f", {TfNode("t", "InitializeTableFromTextFile", {"table", "path"})})}),
  };
  for (const std::string& file : files) {
    EXPECT_THAT(Codes(InspectWith(InspectTensorflow, file)), ElementsAre(rules::kTensorflowFile.code))
        << testing::PrintToString(file);
  }
}

TEST(Tensorflow, ModelsForKerasAreHeldToItsRules) {
  const std::string lambda = R"({"class_name": "Lambda", "config": {}})";
  EXPECT_THAT(Codes(InspectWith(InspectTensorflow, KerasNode("_tf_keras_layer", lambda))),
              ElementsAre(rules::kKerasLambda.code));
  // As versions before 2.5 wrote it, into the model itself.
  const std::string object = BytesField(4, BytesField(1, "_tf_keras_layer") + BytesField(3, lambda));
  const std::string model =
      VarintField(1, 1) + BytesField(2, BytesField(2, Graph({})) + BytesField(7, BytesField(1, object)));
  EXPECT_THAT(Codes(InspectWith(InspectTensorflow, model)), ElementsAre(rules::kKerasLambda.code));
}

TEST(Tensorflow, WhatIsNotWhollyOneOfTheFilesIsRefused) {
  const std::string node = TfNode("n", "NoOp");
  const std::string files[] = {
      "",
      "\n",
      "plain text",
      VarintField(1, 1) + BytesField(2, ""),            // a model without a graph
      TfSavedModel(Graph({})) + BytesField(9, "more"),  // a field that is not
      Graph({}) + BytesField(6, "more"),
      TfGraph({node, BytesField(1, "nameless")}, {}),  // no operation
      TfGraph({node, BytesField(2, "with blank")}, {}),
      Graph({TfConstant("c", "a"), TfConstant("c", "b")}),  // which of them?
      Graph({TfNode("p", "PrintV2", {},
                    TfAttribute("output_stream", BytesField(2, "stderr")) +
                        TfAttribute("output_stream", BytesField(2, "file:///x")))}),
      Graph({}) + VarintField(1, 1),  // a number for a message
      BytesField(1, BytesField(1, "v")) + BytesField(2, Graph({})) +
          TfGraph({TfNode("n", "PyFunc")}, {}),  // two in one
      Graph({}) + KerasNode("_tf_keras_layer", R"({"class_name": "Lambda"})"),
      KerasNode("_tf_keras_layer", "") + TfGraph({TfNode("n", "PyFunc")}, {}),
      VarintField(1, 1) + VarintField(2, 1) + BytesField(2, BytesField(2, Graph({TfNode("n", "PyFunc")}))),
  };
  for (const std::string& file : files) {
    EXPECT_THAT(Codes(InspectWith(InspectTensorflow, file)), Contains(rules::kTensorflowInvalid.code))
        << testing::PrintToString(file);
  }
  const std::string packed_strings =
      TfNode("c", "Const", {}, TfAttribute("value", BytesField(8, VarintField(1, 7) + BytesField(4, "abc"))));
  EXPECT_THAT(Codes(InspectWith(InspectTensorflow, Graph({packed_strings}))),
              ElementsAre(rules::kTensorflowUnsupported.code));
}

TEST(Tensorflow, GraphsInsideEachOtherWithoutEndAreTooComplex) {
  std::string graph = Graph({});
  for (int i = 0; i < 20; ++i) graph = Graph({TfConstant("g", graph)});
  EXPECT_THAT(Codes(InspectWith(InspectTensorflow, graph)), ElementsAre(rules::kTooComplex.code));
}

TEST(Tensorflow, MoreGraphsInConstantsThanAnyModelHasAreTooComplex) {
  std::string strings = VarintField(1, 7);
  for (int i = 0; i < 20'000; ++i) strings += BytesField(8, BytesField(1, BytesField(2, "NoOp")));
  const std::string constant = TfNode("c", "Const", {}, TfAttribute("value", BytesField(8, strings)));
  EXPECT_THAT(Codes(InspectWith(InspectTensorflow, Graph({constant}))), ElementsAre(rules::kTooComplex.code));
}

TEST(Tensorflow, EveryDamageIsAnswered) {
  ExpectEveryDamageIsAnswered(InspectTensorflow,
                              TfSavedModel(Graph({TfConstant("c", "text")}, {TfFunction("f", kPlumbing)})));
}

}  // namespace
}  // namespace batuta::safety
