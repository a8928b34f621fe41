#include "daemon/safety/graph/coreml.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/graph/rules.h"
#include "tests/support/formats/protobuf.h"
#include "tests/unit/daemon/safety/graph/inspect.h"

namespace batuta::safety {
namespace {

using formats::BytesField;
using formats::VarintField;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Model(const std::string& kind) {
  return VarintField(1, 4) + BytesField(2, BytesField(1, "input")) + kind;
}

std::string Network(const std::string& layer, uint32_t kind = 500) {
  return BytesField(kind, BytesField(1, BytesField(1, "layer") + BytesField(2, "x") + layer));
}

// A program of one operation, with further fields of it.
std::string Program(const std::string& operation, const std::string& more = "") {
  const std::string block = BytesField(3, BytesField(1, operation) + more);
  const std::string function =
      BytesField(2, "CoreML7") + BytesField(3, BytesField(1, "CoreML7") + BytesField(2, block));
  return BytesField(502, VarintField(1, 1) + BytesField(2, BytesField(1, "main") + BytesField(2, function)));
}

// An attribute with values in a file.
std::string Values(const std::string& path) {
  return BytesField(
      5, BytesField(1, "val") + BytesField(2, BytesField(5, BytesField(1, path) + VarintField(2, 64))));
}

const std::string kCustomLayer = BytesField(500, BytesField(10, "AppClass"));

TEST(Coreml, ModelsThatHoldAllTheyNeedAreSafe) {
  const std::string files[] = {
      Model(Network(BytesField(140, VarintField(1, 2)))),
      Model(Network(BytesField(600, BytesField(1, BytesField(1, BytesField(140, "")))))),
      Model(BytesField(302, BytesField(1, "a tree"))),
      Model(BytesField(202, BytesField(1, Model(Network(BytesField(100, "")))))) + VarintField(10, 1),
      Model(Program("conv", Values("@model_path/weights/weight.bin"))),
  };
  for (const std::string& file : files) {
    const Verdict verdict = InspectWith(InspectCoreml, file);
    EXPECT_THAT(Codes(verdict), IsEmpty()) << testing::PrintToString(file);
    EXPECT_EQ(verdict.format, "coreml");
    EXPECT_TRUE(IsCoreml(file));
  }
}

TEST(Coreml, WhatAnApplicationMustBringIsFound) {
  const std::string custom_network = BytesField(1, kCustomLayer);

  const struct {
    std::string file;
    std::string_view code;
  } rows[] = {
      {Model(BytesField(555, BytesField(10, "AppClass"))), rules::kCoremlCustom.code},
      {Model(Network(kCustomLayer)), rules::kCoremlCustom.code},
      {Model(Network(kCustomLayer, 403)), rules::kCoremlCustom.code},
      {Model(Network(BytesField(600, BytesField(2, custom_network)))), rules::kCoremlCustom.code},
      {Model(Network(BytesField(615, BytesField(4, custom_network)))), rules::kCoremlCustom.code},
      {Model(BytesField(200, BytesField(1, BytesField(1, Model(Network(kCustomLayer)))))),
       rules::kCoremlCustom.code},
      {Model(Program("custom_layer")), rules::kCoremlCustom.code},
      {Model(Program("cond", BytesField(4, BytesField(3, BytesField(1, "custom_layer"))))),
       rules::kCoremlCustom.code},
      {Model(Program("const", Values("/etc/passwd"))), rules::kCoremlPath.code},
      {Model(Program("const", Values("@model_path/../x"))), rules::kCoremlPath.code},
      {Model(Program("const", Values("@model_path/" + std::string(600, 'x') + "/../../y"))),
       rules::kCoremlPath.code},
      {Model(BytesField(556, BytesField(1, BytesField(1, BytesField(1, "other"))))), rules::kCoremlPath.code},
      {Model(BytesField(2002, "")), rules::kCoremlUnsupported.code},
      {Model(Network(BytesField(9'999, ""))), rules::kCoremlUnsupported.code},
      {Model(BytesField(500, "")) + BytesField(3, ""), rules::kCoremlUnsupported.code},
      {Model(""), rules::kCoremlInvalid.code},
      {Model(BytesField(302, "")) + BytesField(300, ""), rules::kCoremlInvalid.code},
      {Model(VarintField(500, 1)), rules::kCoremlInvalid.code},
      {Model(BytesField(302, "")) + "\xff\xff\xff", rules::kCoremlInvalid.code},
      {"", rules::kCoremlInvalid.code},
  };

  for (const auto& row : rows) {
    EXPECT_THAT(Codes(InspectWith(InspectCoreml, row.file)), Contains(row.code))
        << testing::PrintToString(row.file);
  }
}

TEST(Coreml, PipelinesInsideEachOtherEnd) {
  std::string model = Model(BytesField(302, ""));
  for (int i = 0; i < 200; ++i) model = Model(BytesField(202, BytesField(1, model)));
  EXPECT_THAT(Codes(InspectWith(InspectCoreml, model)), ElementsAre(rules::kCoremlInvalid.code));
}

TEST(Coreml, EveryDamageIsAnswered) {
  ExpectEveryDamageIsAnswered(InspectCoreml, Model(Network(BytesField(140, VarintField(1, 2)))));
  ExpectEveryDamageIsAnswered(InspectCoreml,
                              Model(Program("conv", Values("@model_path/weights/weight.bin"))));
}

}  // namespace
}  // namespace batuta::safety
