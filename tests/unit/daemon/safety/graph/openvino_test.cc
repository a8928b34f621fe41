#include "daemon/safety/graph/openvino.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/rules.h"
#include "daemon/safety/text/rules.h"
#include "tests/unit/daemon/safety/graph/inspect.h"

namespace batuta::safety {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Network(const std::string& layers, const std::string& before = "<?xml version=\"1.0\"?>\n") {
  return before + "<net name=\"n\" version=\"11\">\n<layers>" + layers +
         "</layers><edges/><rt_info/></net>\n";
}

std::string Layer(const std::string& type, const std::string& version, const std::string& inside = "") {
  return fmt::format(
      R"(<layer id="0" name="w" type="{}" version="{}">{}<output><port id="0"/></output></layer>)", type,
      version, inside);
}

constexpr char kData[] = R"(<data element_type="f32" shape="4" offset="16" size="16"/>)";

TEST(Openvino, NetworksOfPublishedSetsAreSafe) {
  const std::string files[] = {
      Network(Layer("Const", "opset1", kData) + Layer("Add", "opset13")),
      Network(Layer("Parameter", "opset1"), ""),
      Network(Layer("TensorIterator", "opset1",
                    "<body><layers>" + Layer("Const", "opset8", kData) + "</layers></body>")),
      Network("<!-- version=\"extension\" -->" + Layer("Result", "opset1", R"(<data offset="x"/>)")),
  };
  for (const std::string& file : files) {
    const Verdict verdict = InspectWith(InspectOpenvino, file);
    EXPECT_THAT(Codes(verdict), IsEmpty()) << file;
    EXPECT_EQ(verdict.format, "openvino");
  }
}

TEST(Openvino, WhatANetworkMustNotHaveIsFound) {
  const struct {
    std::string file;
    std::string_view code;
  } rows[] = {
      {Network(Layer("Thing", "extension")), rules::kOpenvinoExtension.code},
      {Network(Layer("Thing", "&#101;xtension")), rules::kOpenvinoExtension.code},
      {Network(Layer("If", "opset8",
                     "<then_body><layers>" + Layer("Thing", "extension") + "</layers></then_body>")),
       rules::kOpenvinoExtension.code},
      {Network(Layer("Thing", "acme1")), rules::kOpenvinoOpset.code},
      {Network(Layer("Thing", "ie_internal_opset")), rules::kOpenvinoOpset.code},
      {Network(Layer("Thing", "opset0")), rules::kOpenvinoOpset.code},
      {Network(Layer("Thing", "opset100")), rules::kOpenvinoOpset.code},
      {Network(Layer("Thing", "opset1x")), rules::kOpenvinoOpset.code},
      {Network("<layer id=\"0\" type=\"Thing\"/>"), rules::kOpenvinoOpset.code},
      {Network(Layer("Const", "opset1", "<data offset=\"16\"/>")), rules::kOpenvinoData.code},
      {Network(Layer("Const", "opset1", "<data offset=\"-1\" size=\"4\"/>")), rules::kOpenvinoData.code},
      {Network(Layer("Const", "opset1", "<data offset=\"18446744073709551615\" size=\"2\"/>")),
       rules::kOpenvinoData.code},
      {Network("", "<!DOCTYPE net [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"),
       rules::kOpenvinoInvalid.code},
      {Network("", "<!DOCTYPE other>"), rules::kOpenvinoInvalid.code},
      {Network(Layer("Add", "opset1")) + "<more/>", rules::kOpenvinoInvalid.code},
      {Network(Layer("Add", "opset1")) + "x", rules::kOpenvinoInvalid.code},
      {Network("<layer>"), rules::kOpenvinoInvalid.code},
      {"<net", rules::kOpenvinoInvalid.code},
      {"", rules::kOpenvinoInvalid.code},
      {"<net>" + std::string(5'000 * 3, '<').replace(0, 3, "<a>"), rules::kOpenvinoInvalid.code},
      {Network("<a b=\"" + std::string(3 << 20U, 'x') + "\"/>"), rules::kTooComplex.code},
  };

  for (const auto& row : rows) {
    EXPECT_THAT(Codes(InspectWith(InspectOpenvino, row.file)), Contains(row.code)) << row.file.substr(0, 300);
  }
}

TEST(Openvino, NestingIsBounded) {
  std::string deep = "<net>";
  for (int i = 0; i < 5'000; ++i) deep += "<a>";
  EXPECT_THAT(Codes(InspectWith(InspectOpenvino, deep)), ElementsAre(rules::kTooComplex.code));
}

TEST(Openvino, OtherMarkupIsJudgedAsSuch) {
  EXPECT_THAT(Codes(InspectWith(InspectOpenvino, "<?xml version=\"1.0\"?><notes><note/></notes>")),
              IsEmpty());
  EXPECT_THAT(Codes(InspectWith(InspectOpenvino, "<svg><script>alert(1)</script></svg>")),
              ElementsAre(rules::kMarkupScript.code));
}

TEST(Openvino, EntitiesThatMultiplyDoNot) {
  std::string before =
      "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\">";
  for (char name = 'b'; name <= 'p'; ++name) {
    before += fmt::format("<!ENTITY {} \"", name);
    for (int i = 0; i < 10; ++i) before += fmt::format("&{};", static_cast<char>(name - 1));
    before += "\">";
  }
  EXPECT_THAT(Codes(InspectWith(InspectOpenvino, Network("<a b=\"&p;\">&p;</a>", before + "]>"))),
              Contains(rules::kOpenvinoInvalid.code));
}

TEST(Openvino, ValuesAreHeldAgainstTheFileBesideIt) {
  const std::string file = Network(Layer("Const", "opset1", kData));
  MemorySource source(file);
  for (const uint32_t size_bytes : {32U, 31U, 0U}) {
    Report report;
    Subject subject("model.xml", source, report, InspectOpenvino);
    ASSERT_TRUE((InspectOpenvinoData(subject, size_bytes)).ok());
    EXPECT_EQ(Codes(std::move(report).Take()).empty(), size_bytes == 32);
  }
}

}  // namespace
}  // namespace batuta::safety
