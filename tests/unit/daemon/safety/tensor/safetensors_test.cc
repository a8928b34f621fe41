#include "daemon/safety/tensor/safetensors.h"

#include <random>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/formats/safetensors.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

using formats::Safetensors;
using ::testing::AllOf;
using ::testing::HasSubstr;

Verdict Inspect(std::string_view bytes) {
  return InspectWith(InspectSafetensors, bytes, "model.safetensors");
}

constexpr std::string_view kPlain =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"U8","shape":[0,9],"data_offsets":[24,24]}})";

TEST(Safetensors, ValidFilesAreSafe) {
  const std::string valid[] = {
      Safetensors(kPlain, 32),
      Safetensors("{}", 0),
      Safetensors("{}   ", 0),
      Safetensors(R"({"__metadata__":{}})", 0),
      Safetensors(R"({"":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})", 8),
      Safetensors(R"({"a":{"data_offsets":[0,3],"shape":[4],"dtype":"F6_E2M3"}})", 3),
      Safetensors(R"({"a":{"data_offsets":[0,1],"shape":[2],"dtype":"F4"}})", 1),
  };
  for (const std::string& bytes : valid) {
    const Verdict verdict = Inspect(bytes);
    EXPECT_EQ(CodesOf(verdict), "") << bytes;
    EXPECT_EQ(verdict.format, "safetensors");
    EXPECT_TRUE(IsSafetensors(bytes));
  }
}

TEST(Safetensors, NoAlarmOnTenThousandValidFiles) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 10'000; ++i) {
    const std::string bytes = formats::RandomSafetensors(random);
    const Verdict verdict = Inspect(bytes);
    ASSERT_EQ(CodesOf(verdict), "") << verdict.findings.front().text << "\n" << bytes.substr(8, 2'000);
    ASSERT_TRUE(IsSafetensors(bytes));
  }
}

struct Broken {
  std::string_view code;
  std::string_view header;
  uint64_t data_bytes = 0;
  std::string_view text = "";
};

// One tensor named a, of which `fields` say what is special.
#define TENSOR(fields) R"({"a":{)" fields R"(}})"

const Broken kBroken[] = {
    // Rule 6: one object and nothing else, rule 5: that begins it.
    {"safetensors-json", ""},
    {"safetensors-json", "{"},
    {"safetensors-json", "[]"},
    {"safetensors-json", "null"},
    {"safetensors-json", "{}{}"},
    {"safetensors-json", {"{}\0", 3}},
    {"safetensors-json", "\xef\xbb\xbf{}"},
    {"safetensors-json", "{}//"},
    {"safetensors-json", "{'a':1}"},
    {"safetensors-json", R"({"__metadata__":{},})"},
    {"safetensors-json", "{\"__metadata__\":{\"a\":\"\n\"}}"},
    {"safetensors-json", TENSOR(R"("dtype":"U8","shape":[NaN],"data_offsets":[0,1])"), 1},
    {"safetensors-json", TENSOR(R"("dtype":"U8","shape":[01],"data_offsets":[0,1])"), 1},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":[[[[1]]]],"data_offsets":[0,1])"), 1},
    // Rule 4, and half characters of rule 6.
    {"safetensors-text", "{\"\xff\":{}}"},
    {"safetensors-text", R"({"\ud800":{}})"},
    // Rule 7, compared as they are meant.
    {"safetensors-duplicate-key", R"({"__metadata__":{},"__metadat\u0061__":{}})"},
    {"safetensors-duplicate-key",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
     2, "\"a\""},
    {"safetensors-duplicate-key", TENSOR(R"("dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1])"), 1,
     "of tensor \"a\""},
    // Rule 8.
    {"safetensors-metadata", R"({"__metadata__":"pt"})"},
    {"safetensors-metadata", R"({"__metadata__":{"a":1}})", 0, "\"a\""},
    {"safetensors-metadata", R"({"__metadata__":{"a":{"b":"c"}}})"},
    // Rule 9.
    {"safetensors-entry", R"({"a":[]})", 0, "\"a\""},
    {"safetensors-entry", TENSOR(R"("shape":[1],"data_offsets":[0,1])"), 1, "no dtype"},
    {"safetensors-entry", TENSOR(R"("dtype":"U8","data_offsets":[0,1])"), 1, "no shape"},
    {"safetensors-entry", TENSOR(R"("dtype":"U8","shape":[1])"), 1, "no data_offsets"},
    {"safetensors-entry", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":[0,1],"strides":[1])"), 1,
     "\"strides\""},
    // Rule 10.
    {"safetensors-dtype", TENSOR(R"("dtype":"f32","shape":[1],"data_offsets":[0,4])"), 4, "\"f32\""},
    {"safetensors-dtype", TENSOR(R"("dtype":"object","shape":[1],"data_offsets":[0,4])"), 4},
    {"safetensors-dtype", TENSOR(R"("dtype":8,"shape":[1],"data_offsets":[0,4])"), 4},
    // Rule 11.
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":1,"data_offsets":[0,1])"), 1, "\"a\""},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])"), 1},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":[1.0],"data_offsets":[0,1])"), 1},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":[1e0],"data_offsets":[0,1])"), 1},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":["1"],"data_offsets":[0,1])"), 1},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":[true],"data_offsets":[0,1])"), 1},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":[18446744073709551617],"data_offsets":[0,1])"), 1},
    {"safetensors-shape", TENSOR(R"("dtype":"U8","shape":[0,281474976710657],"data_offsets":[0,0])")},
    // Rule 12.
    {"safetensors-offsets", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":[0])"), 1, "\"a\""},
    {"safetensors-offsets", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":[0,1,1])"), 1},
    {"safetensors-offsets", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":[1,0])"), 1},
    {"safetensors-offsets", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":[0,-1])"), 1},
    {"safetensors-offsets", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":[0,"1"])"), 1},
    {"safetensors-offsets", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":{})"), 1},
    // Rules 13 and 14: no wrapping, and a 0 hides nothing.
    {"safetensors-overflow", TENSOR(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])"),
     0, "\"a\""},
    {"safetensors-overflow",
     TENSOR(R"("dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0])")},
    {"safetensors-overflow", TENSOR(R"("dtype":"F64","shape":[4294967296,268435456],"data_offsets":[0,0])")},
    {"safetensors-bits", TENSOR(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])"), 1, "12 bits"},
    {"safetensors-bits", TENSOR(R"("dtype":"F6_E3M2","shape":[2],"data_offsets":[0,2])"), 2},
    // Rule 15.
    {"safetensors-size", TENSOR(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 4,
     "8 bytes by its shape"},
    // Rule 16.
    {"safetensors-tiling", TENSOR(R"("dtype":"U8","shape":[1],"data_offsets":[1,2])"), 2, "\"a\""},
    {"safetensors-tiling",
     R"({"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
     6, "tensors \"a\" and \"b\" overlap at byte 2"},
    {"safetensors-tiling",
     R"({"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
     4, "overlap"},
    {"safetensors-tiling",
     R"({"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
     9, "1 bytes between tensors \"a\" and \"b\""},
    {"safetensors-tiling",
     R"({"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
     4},
    // Rule 17.
    {"safetensors-length", TENSOR(R"("dtype":"U8","shape":[4],"data_offsets":[0,4])"), 5, "1 bytes follow"},
    {"safetensors-length", TENSOR(R"("dtype":"U8","shape":[4],"data_offsets":[0,4])"), 3,
     "\"a\" ends 1 bytes beyond"},
    {"safetensors-length", "{}", 1},
};

#undef TENSOR

TEST(Safetensors, RefusesAFileThatBreaksARule) {
  for (const Broken& broken : kBroken) {
    const Verdict verdict = Inspect(Safetensors(broken.header, broken.data_bytes));
    EXPECT_EQ(CodesOf(verdict), broken.code) << broken.header;
    EXPECT_EQ(Judgement(verdict), "invalid") << broken.header;
    if (!verdict.findings.empty()) {
      EXPECT_THAT(verdict.findings[0].text, HasSubstr(broken.text)) << broken.header;
    }
  }
}

TEST(Safetensors, RefusesALengthThatCannotBe) {
  EXPECT_EQ(CodesOf(Inspect("")), "safetensors-short");
  EXPECT_EQ(CodesOf(Inspect("1234567")), "safetensors-short");
  std::string bytes = Safetensors(kPlain, 32);
  EXPECT_EQ(CodesOf(Inspect(bytes.substr(0, 100))), "safetensors-cut");
  for (size_t i = 4; i < 8; ++i) {
    std::string huge = bytes;
    huge[i] = '\xff';
    EXPECT_EQ(CodesOf(Inspect(huge)), "safetensors-header");
  }
  bytes.replace(0, 8, std::string("\x01\xe1\xf5\x05\0\0\0\0", 8));  // 100,000,001
  EXPECT_EQ(CodesOf(Inspect(bytes)), "safetensors-header");
  bytes[0] = 0;
  EXPECT_EQ(CodesOf(Inspect(bytes)), "safetensors-cut");
}

TEST(Safetensors, EveryFaultOfATensorIsTold) {
  const Verdict verdict = Inspect(Safetensors(
      R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,2]}})",
      2));
  EXPECT_EQ(CodesOf(verdict), "safetensors-bits,safetensors-size");
}

TEST(Safetensors, SpaceBeforeTheHeaderIsTold) {
  const Verdict verdict = Inspect(Safetensors("\n {}", 0));
  EXPECT_EQ(CodesOf(verdict), "");
  EXPECT_EQ(verdict.notes.size(), 1U);
}

TEST(Safetensors, AClassToBeMadeInTheMetadataIsTold) {
  const Verdict verdict =
      Inspect(Safetensors(R"({"__metadata__":{"config":"{\"_target_\": \"os.system\"}"}})", 0));
  EXPECT_EQ(CodesOf(verdict), "");
  ASSERT_EQ(verdict.notes.size(), 1U);
  EXPECT_THAT(verdict.notes[0], AllOf(HasSubstr("config"), HasSubstr("_target_")));
}

TEST(Safetensors, PrefixesAndAppendedBytesAreRefused) {
  const std::string bytes = Safetensors(kPlain, 32);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(CodesOf(Inspect(bytes.substr(0, size))), "") << size;
  }
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(CodesOf(Inspect(bytes + static_cast<char>(byte))), "safetensors-length");
  }
}

TEST(Safetensors, AnyChangedByteGivesAnAnswer) {
  const std::string bytes = Safetensors(kPlain, 32);
  for (size_t at = 0; at < bytes.size() - 32; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(byte);
      Inspect(changed);
    }
  }
}

TEST(Safetensors, ReadsTheHeaderAndNothingElse) {
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1048576,1048576],"data_offsets":[0,1099511627776]}})";
  const std::string here = Safetensors(header, 0);
  CountingSource source(here, here.size() + (uint64_t{1} << 40U));
  const Inspected inspected = InspectWith(InspectSafetensors, source);
  EXPECT_TRUE(inspected.status.ok());
  EXPECT_EQ(CodesOf(inspected.verdict), "");
  EXPECT_EQ(source.read_bytes(), here.size());
}

TEST(Safetensors, BytesThatAreNotHereYetAreNoFinding) {
  const std::string bytes = Safetensors(kPlain, 32);
  for (const size_t here : {4U, 8U, 60U, 180U}) {
    CountingSource source(std::string_view(bytes).substr(0, here), bytes.size());
    const Inspected inspected = InspectWith(InspectSafetensors, source);
    EXPECT_TRUE(absl::IsOutOfRange(inspected.status)) << here;
    EXPECT_EQ(CodesOf(inspected.verdict), "");
    EXPECT_EQ(inspected.verdict.format, "safetensors");
  }
}

TEST(Safetensors, IsToldFromOtherFiles) {
  for (const std::string_view other :
       {"", "PK\3\4", "GGUF\3\0\0\0{", "        {\"a\": 1}", "{\"config\": {}}"}) {
    EXPECT_FALSE(IsSafetensors(other)) << other;
  }
  EXPECT_FALSE(IsSafetensors(Safetensors("x{", 0)));
  EXPECT_TRUE(IsSafetensors(Safetensors(" \t\r\n{", 0)));
}

}  // namespace
}  // namespace batuta::safety
