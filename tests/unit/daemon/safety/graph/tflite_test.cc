#include "daemon/safety/graph/tflite.h"

#include <cstring>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/rules.h"
#include "tests/support/archives/zip_model.h"
#include "tests/support/formats/flatbuffer.h"
#include "tests/support/formats/protobuf.h"
#include "tests/support/formats/tensorflow.h"
#include "tests/unit/daemon/safety/graph/inspect.h"

namespace batuta::safety {
namespace {

using formats::FlatBytes;
using formats::FlatInts;
using formats::FlatNumber;
using formats::FlatTable;
using formats::FlatTables;
using formats::FlexOptions;
using formats::TfliteBuiltin;
using formats::TfliteCustom;
using formats::TfliteFile;
using formats::TfliteModel;
using formats::TfliteOperation;
using formats::TfNode;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kReshape = 22;

FlatTable Operation(const std::function<void(FlatTable&)>& change) {
  FlatTable operation = TfliteOperation();
  change(operation);
  return operation;
}

// With one field of the model set, or of its operation.
std::string Model(size_t slot, const formats::FlatField& field) {
  FlatTable model = TfliteModel(TfliteBuiltin(9), TfliteOperation());
  model.fields[slot] = field;
  return TfliteFile(model);
}

std::string WithOperation(const std::function<void(FlatTable&)>& change) {
  return TfliteFile(TfliteModel(TfliteBuiltin(kReshape), Operation(change)));
}

std::string Flex(std::string_view name, std::string_view node) {
  return TfliteFile(TfliteModel(TfliteCustom(name), Operation([&](FlatTable& operation) {
                                  operation.fields[5] = FlatBytes{FlexOptions(name.substr(4), node)};
                                })));
}

void WithOptions(FlatTable& operation) {
  operation.fields[3] = FlatNumber{1, 17};  // ReshapeOptions
  operation.tables[4] = {FlatTable{.fields = {{0, FlatInts{2, -1}}}}};
}

TEST(Tflite, OrdinaryModelsAreSafe) {
  std::string large =
      Model(4, FlatTables{FlatTable{}, FlatTable{.fields = {{1, FlatNumber{8, 0}}, {2, FlatNumber{8, 64}}}}});
  // Values behind the flatbuffer, as in models beyond 2 GiB: their place is known once it is written.
  const uint64_t end = (large.size() + 15) / 16 * 16;
  large = Model(
      4, FlatTables{FlatTable{}, FlatTable{.fields = {{1, FlatNumber{8, end}}, {2, FlatNumber{8, 64}}}}});
  large.resize(end);
  large += std::string(64, 'v');
  const std::string files[] = {
      TfliteFile(TfliteModel(TfliteBuiltin(9), TfliteOperation())),
      TfliteFile(TfliteModel(TfliteBuiltin(150), TfliteOperation())),
      WithOperation(WithOptions),
      Flex("FlexAddV2", TfNode("n", "AddV2")),
      large,
  };
  for (const std::string& file : files) {
    const Verdict verdict = InspectWith(InspectTflite, file);
    EXPECT_THAT(Codes(verdict), IsEmpty()) << (verdict.findings.empty() ? "" : verdict.findings[0].text);
    EXPECT_EQ(verdict.format, "tflite");
  }
}

TEST(Tflite, OperationsThatNeedNativeCodeOrFilesAreFound) {
  const struct {
    const char* what;
    std::string file;
    std::string_view code;
  } rows[] = {
      {"custom", TfliteFile(TfliteModel(TfliteCustom("Acme"), TfliteOperation())), rules::kTfliteCustom.code},
      {"old field alone",
       TfliteFile(TfliteModel(FlatTable{.fields = {{0, FlatNumber{1, 32}}, {1, std::string("Acme")}}},
                              TfliteOperation())),
       rules::kTfliteCustom.code},
      {"library function", WithOperation([](FlatTable& operation) {
         operation.fields[11] = FlatNumber{1, 5};  // StablehloCustomCallOptions
         operation.tables[12] = {FlatTable{.fields = {{0, std::string("target")}}}};
       }),
       rules::kTfliteCustom.code},
      {"file", Flex("FlexWriteFile", TfNode("n", "WriteFile")), rules::kTensorflowFile.code},
      {"file by another name", Flex("FlexAddV2", TfNode("n", "WriteFile")), rules::kTensorflowFile.code},
      {"Python", Flex("FlexPyFunc", TfNode("n", "PyFunc")), rules::kTensorflowProgram.code},
      {"custom of TensorFlow", Flex("FlexAcme", TfNode("n", "Acme")), rules::kTensorflowCustom.code},
      {"packed graph",
       Flex("FlexDatasetFromGraph",
            TfNode("n", "DatasetFromGraph", {},
                   formats::TfAttribute(
                       "g", formats::BytesField(2, formats::TfGraph({TfNode("n", "ReadFile")}, {}))))),
       rules::kTensorflowFile.code},
      {"flex without a node", TfliteFile(TfliteModel(TfliteCustom("FlexAddV2"), TfliteOperation())),
       rules::kTfliteUnsupported.code},
      {"newer operation", TfliteFile(TfliteModel(TfliteBuiltin(100'000), TfliteOperation())),
       rules::kTfliteUnsupported.code},
      {"newer options", WithOperation([](FlatTable& operation) {
         operation.fields[3] = FlatNumber{1, 250};
         operation.tables[4] = {FlatTable{}};
       }),
       rules::kTfliteUnsupported.code},
      {"newer field", Model(12, FlatNumber{4, 1}), rules::kTfliteUnsupported.code},
      {"other files", Model(8, FlatTables{FlatTable{.fields = {{0, std::string("../x")}}}}),
       rules::kTfliteUnsupported.code},
      {"options of no kind", WithOperation([](FlatTable& operation) { operation.tables[4] = {FlatTable{}}; }),
       rules::kTfliteInvalid.code},
      {"no such operation", WithOperation([](FlatTable& operation) {
         operation.fields[0] = FlatNumber{4, 7};
       }),
       rules::kTfliteInvalid.code},
      {"no such tensor", WithOperation([](FlatTable& operation) { operation.fields[1] = FlatInts{5}; }),
       rules::kTfliteInvalid.code},
      {"values behind the end",
       Model(4, FlatTables{FlatTable{},
                           FlatTable{.fields = {{1, FlatNumber{8, 1U << 30U}}, {2, FlatNumber{8, 64}}}}}),
       rules::kTfliteInvalid.code},
      {"no values", Model(4, FlatTables{FlatTable{}}), rules::kTfliteInvalid.code},
      {"version", Model(0, FlatNumber{4, 2}), rules::kTfliteInvalid.code},
      {"something behind", Model(0, FlatNumber{4, 3}) + "x", rules::kTfliteForeign.code},
      {"nothing", "", rules::kTfliteInvalid.code},
  };

  for (const auto& row : rows) {
    EXPECT_THAT(Codes(InspectWith(InspectTflite, row.file)), Contains(row.code)) << row.what;
  }
}

TEST(Tflite, AZipBehindAModelIsInspectedWhereverItsOffsetsBegin) {
  const std::string model = TfliteFile(TfliteModel(TfliteBuiltin(9), TfliteOperation()));
  test::ZipModel labels;
  labels.members = {test::StoredMember("labels.txt", "cat\ndog\n"), test::StoredMember("more.txt", "more")};
  const std::string zip = test::WriteZip(labels);
  // As Python adds one: what it says of places counts from the beginning of the model.
  std::string moved = zip;
  const auto add = [&](size_t at) {
    uint32_t number = 0;
    std::memcpy(&number, moved.data() + at, sizeof number);
    number += static_cast<uint32_t>(model.size());
    std::memcpy(moved.data() + at, &number, sizeof number);
  };
  add(zip.size() - 6);
  for (size_t at = zip.find("PK\1\2"); at != std::string::npos; at = zip.find("PK\1\2", at + 1)) add(at + 42);
  ASSERT_NE(moved, zip);
  for (const std::string& behind : {zip, moved}) {
    const std::string file = model + behind;
    MemorySource source(file);
    Report report;
    static std::string inspected;
    Subject subject("model.tflite", source, report, [](Subject& part) {
      inspected.resize(part.size_bytes());
      return part.bytes().Read(0, inspected);
    });
    ASSERT_TRUE((InspectTflite(subject)).ok());
    EXPECT_THAT(Codes(std::move(report).Take()), IsEmpty());
    EXPECT_EQ(inspected, zip);
  }
}

TEST(Tflite, WhatHidesBetweenTheStructuresIsFound) {
  std::string file = TfliteFile(TfliteModel(TfliteBuiltin(9), TfliteOperation()));
  // The model moves behind a hole of 256 bytes; every other offset is relative to where it stands.
  uint32_t root = 0;
  std::memcpy(&root, file.data(), sizeof root);
  root += 256;
  std::memcpy(file.data(), &root, sizeof root);
  file.insert(8, std::string(256, '\0'));
  EXPECT_THAT(Codes(InspectWith(InspectTflite, file)), ElementsAre(rules::kTfliteForeign.code));
}

TEST(Tflite, TablesThatAllLeadToTheSameOnesAreTooComplex) {
  // Two thousand subgraphs that are one, with two thousand tensors that are one.
  const size_t kMany = 2'000;
  FlatTable model = TfliteModel(TfliteBuiltin(9), TfliteOperation());
  FlatTable graph = {.fields = {{0, FlatTables(kMany, FlatTable{})}}};
  FlatTables graphs(kMany, FlatTable{});
  graphs.back() = graph;
  model.fields[2] = graphs;
  std::string file = TfliteFile(model);
  MemorySource source(file);
  EXPECT_THAT(Codes(InspectWith(InspectTflite, file)), IsEmpty());
  // The vector of subgraphs is the one place with that count twice: as it is and inside the last of them.
  const uint32_t count = kMany;
  const size_t vector = file.find(std::string(reinterpret_cast<const char*>(&count), sizeof count));
  ASSERT_NE(vector, std::string::npos);
  uint32_t last = 0;
  const size_t last_element = vector + 4 * kMany;
  std::memcpy(&last, file.data() + last_element, sizeof last);
  for (size_t i = 0; i < kMany; ++i) {
    const size_t element = vector + 4 + 4 * i;
    const auto distance = static_cast<uint32_t>(last_element + last - element);
    std::memcpy(file.data() + element, &distance, sizeof distance);
  }
  EXPECT_THAT(Codes(InspectWith(InspectTflite, file)), Contains(rules::kTooComplex.code));
}

TEST(Tflite, EveryDamageIsAnswered) {
  ExpectEveryDamageIsAnswered(InspectTflite, WithOperation(WithOptions));
  ExpectEveryDamageIsAnswered(InspectTflite, Flex("FlexAddV2", TfNode("n", "AddV2")));
}

}  // namespace
}  // namespace batuta::safety
