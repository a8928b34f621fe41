#include "daemon/safety/tensor/gguf.h"

#include <functional>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/gguf/tensor_type.h"
#include "tests/support/formats/gguf.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

using formats::GgufArray;
using formats::GgufFile;
using formats::GgufNumber;
using formats::GgufPair;
using formats::GgufString;
using formats::GgufText;
using gguf::ValueType;
using ::testing::HasSubstr;

Verdict Inspect(std::string_view bytes, std::string_view name = "model.gguf") {
  return InspectWith(InspectGguf, bytes, name);
}

GgufFile Plain() {
  return {.pairs = {GgufText("general.architecture", "otter"), GgufNumber("otter.count", ValueType::kU32, 7),
                    GgufNumber("otter.tied", ValueType::kBool, 1),
                    GgufArray("tokenizer.ggml.tokens", ValueType::kString, 2,
                              GgufString("a") + GgufString("\xff"))},
          .tensors = {{"token_embd.weight", {32, 3}, 8}, {"output.weight", {5}, 0}}};
}

TEST(Gguf, AFileOfEveryTensorTypeIsSafe) {
  GgufFile file = Plain();
  for (uint32_t id = 0; id < gguf::kTensorTypeCount; ++id) {
    const gguf::TensorType* type = gguf::FindTensorType(id);
    if (type != nullptr) {
      file.tensors.push_back({std::string(type->name), {2 * type->block_elements, 3, 1, 2}, id});
    }
  }
  const Verdict verdict = Inspect(file.Bytes());
  EXPECT_EQ(CodesOf(verdict), "");
  EXPECT_EQ(verdict.format, "gguf");
  EXPECT_EQ(file.tensors.size(), 2U + 35U);
}

TEST(Gguf, NoAlarmOnThousandsOfValidFiles) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 5'000; ++i) {
    const Verdict verdict = Inspect(formats::RandomGguf(random).Bytes());
    ASSERT_EQ(CodesOf(verdict), "") << "file " << i << ": " << verdict.findings.front().text;
  }
}

struct Broken {
  std::string_view what;
  std::string_view code;
  std::function<void(GgufFile&)> change;
  std::string_view text = "";
};

const Broken kBroken[] = {
    {"version 0", "gguf-version", [](GgufFile& file) { file.version = 0; }},
    {"version 1", "gguf-version", [](GgufFile& file) { file.version = 1; }},
    {"version 4", "gguf-version", [](GgufFile& file) { file.version = 4; }, "newer"},
    {"big-endian", "gguf-version", [](GgufFile& file) { file.version = 3U << 24U; }, "big-endian"},
    {"more keys than bytes", "gguf-count", [](GgufFile& file) { file.pair_count = 1'000; }},
    {"2^63 tensors", "gguf-count", [](GgufFile& file) { file.tensor_count = uint64_t{1} << 63U; }},
    {"an empty key", "gguf-key", [](GgufFile& file) { file.pairs[0].key = ""; }},
    {"a key of 64 KiB", "gguf-key", [](GgufFile& file) { file.pairs[0].key = std::string(65'536, 'k'); }},
    {"a key beyond ASCII", "gguf-key", [](GgufFile& file) { file.pairs[0].key = "sch\xc3\xb6n"; }},
    {"a key with a control", "gguf-key", [](GgufFile& file) { file.pairs[0].key = "a\x1b[2J"; }, "x1b"},
    {"a key twice", "gguf-key", [](GgufFile& file) { file.pairs[1].key = file.pairs[0].key; },
     "general.architecture"},
    {"an unknown value type", "gguf-value", [](GgufFile& file) { file.pairs[1].type = 13; }},
    {"a boolean of 2", "gguf-value", [](GgufFile& file) { file.pairs[2].value = "\x02"; }, "otter.tied"},
    {"an array of such", "gguf-value",
     [](GgufFile& file) { file.pairs[2] = GgufArray("b", ValueType::kBool, 3, "\1\7\1"); }},
    {"a text that is not UTF-8", "gguf-value",
     [](GgufFile& file) { file.pairs[0] = GgufText("general.name", "\xc3("); }},
    {"a text longer than the file", "gguf-truncated",
     [](GgufFile& file) { file.pairs[0].value[5] = '\x7f'; }},
    {"a text of 2^64 - 1 bytes", "gguf-truncated",
     [](GgufFile& file) { file.pairs[0].value.replace(0, 8, 8, '\xff'); }},
    {"more elements than bytes", "gguf-count",
     [](GgufFile& file) { file.pairs[3] = GgufArray("a", ValueType::kU8, 1'000'000, "x"); }},
    {"elements whose bytes overflow", "gguf-count",
     [](GgufFile& file) { file.pairs[3] = GgufArray("a", ValueType::kU64, uint64_t{1} << 61U, "x"); }},
    {"arrays three deep", "gguf-value",
     [](GgufFile& file) {
       const std::string deepest = GgufArray("", ValueType::kU8, 0, "").value;
       const std::string deeper = GgufArray("", ValueType::kArray, 1, deepest).value;
       file.pairs[3] = GgufArray("a", ValueType::kArray, 1, deeper);
     }},
    {"an alignment of 0", "gguf-alignment",
     [](GgufFile& file) { file.pairs[1] = GgufNumber("general.alignment", ValueType::kU32, 0); }},
    {"an alignment of 24", "gguf-alignment",
     [](GgufFile& file) { file.pairs[1] = GgufNumber("general.alignment", ValueType::kU32, 24); }},
    {"an alignment of 128 KiB", "gguf-alignment",
     [](GgufFile& file) { file.pairs[1] = GgufNumber("general.alignment", ValueType::kU32, 128 << 10); }},
    {"an alignment of another type", "gguf-alignment",
     [](GgufFile& file) { file.pairs[1] = GgufNumber("general.alignment", ValueType::kU64, 32); }},
    {"part 3 of 2", "gguf-split",
     [](GgufFile& file) {
       file.pairs.push_back(GgufNumber("split.no", ValueType::kU16, 2));
       file.pairs.push_back(GgufNumber("split.count", ValueType::kU16, 2));
     }},
    {"more tensors than all parts", "gguf-split",
     [](GgufFile& file) {
       file.pairs.push_back(GgufNumber("split.no", ValueType::kU16, 0));
       file.pairs.push_back(GgufNumber("split.count", ValueType::kU16, 2));
       file.pairs.push_back(GgufNumber("split.tensors.count", ValueType::kI32, 1));
     }},
    {"a name of 64 bytes", "gguf-name", [](GgufFile& file) { file.tensors[0].name = std::string(64, 'n'); }},
    {"a name that is not UTF-8", "gguf-name", [](GgufFile& file) { file.tensors[0].name = "\xff"; }},
    {"a name twice", "gguf-name", [](GgufFile& file) { file.tensors[1].name = file.tensors[0].name; },
     "token_embd.weight"},
    {"five dimensions", "gguf-shape",
     [](GgufFile& file) {
       file.tensors[1].shape = {1, 1, 1, 1, 1};
     }},
    {"a dimension below 0", "gguf-shape",
     [](GgufFile& file) { file.tensors[1].shape = {uint64_t{1} << 63U}; }},
    {"a product beyond 2^63", "gguf-shape",
     [](GgufFile& file) {
       file.tensors[1].shape = {uint64_t{1} << 32U, uint64_t{1} << 31U};
     }},
    {"a product that wraps to 0", "gguf-shape",
     [](GgufFile& file) {
       file.tensors[1].shape = {uint64_t{1} << 62U, 4, 4, 4};
     },
     "output.weight"},
    {"a product that a 0 hides", "gguf-shape",
     [](GgufFile& file) {
       file.tensors[1].shape = {uint64_t{1} << 62U, 4, 4, 0};
     }},
    {"bytes beyond 2^64", "gguf-shape", [](GgufFile& file) { file.tensors[1].shape = {uint64_t{1} << 62U}; }},
    {"half a block", "gguf-shape", [](GgufFile& file) { file.tensors[0].shape = {33}; }, "Q8_0"},
    {"a withdrawn type", "gguf-type", [](GgufFile& file) { file.tensors[0].type = 31; }, "withdrawn"},
    {"a type of tomorrow", "gguf-type", [](GgufFile& file) { file.tensors[0].type = 43; },
     "newer than this version knows"},
    {"a hole", "gguf-offset", [](GgufFile& file) { file.tensors[1].offset = 160; }, "output.weight"},
    {"an overlap", "gguf-offset", [](GgufFile& file) { file.tensors[1].offset = 96; }},
    {"an offset that is not aligned", "gguf-offset", [](GgufFile& file) { file.tensors[1].offset = 102; }},
    {"a first tensor behind a hole", "gguf-offset", [](GgufFile& file) { file.tensors[0].offset = 32; }},
    {"padding that holds something", "gguf-padding", [](GgufFile& file) { file.padding = 'p'; }},
};

TEST(Gguf, RefusesAFileThatBreaksARule) {
  ASSERT_EQ(CodesOf(Inspect(Plain().Bytes())), "");
  for (const Broken& broken : kBroken) {
    GgufFile file = Plain();
    broken.change(file);
    // The shapes that are too large to be written out go without their data.
    const Verdict verdict =
        Inspect(broken.code == "gguf-shape" ? file.Header() + std::string(64, '\0') : file.Bytes());
    ASSERT_NE(CodesOf(verdict), "") << broken.what;
    EXPECT_EQ(verdict.findings.front().code, broken.code) << broken.what;
    EXPECT_EQ(Judgement(verdict), "invalid") << broken.what;
    EXPECT_THAT(verdict.findings.front().text, HasSubstr(broken.text)) << broken.what;
  }
}

TEST(Gguf, ThePaddingBehindTheLastTensorMayBeMissing) {
  GgufFile file = Plain();
  file.pads_last = false;
  const std::string bytes = file.Bytes();
  EXPECT_EQ(CodesOf(Inspect(bytes)), "");
  EXPECT_EQ(CodesOf(Inspect(bytes.substr(0, bytes.size() - 1))), "gguf-size");
  EXPECT_EQ(CodesOf(Inspect(bytes + std::string(1, '\0'))), "");
  EXPECT_EQ(CodesOf(Inspect(bytes + "x")), "gguf-padding");
  EXPECT_EQ(CodesOf(Inspect(bytes + std::string(32, '\0'))), "gguf-trailing");
}

TEST(Gguf, EveryPrefixIsRefused) {
  const std::string bytes = Plain().Bytes();
  for (size_t size = 4; size + 1 < bytes.size() - 12; ++size) {
    EXPECT_NE(CodesOf(Inspect(bytes.substr(0, size))), "") << size;
  }
}

TEST(Gguf, AnyChangedByteGivesAnAnswer) {
  std::mt19937_64 random(7);
  const std::string bytes = Plain().Bytes();
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = bytes;
    changed[random() % changed.size()] = static_cast<char>(random());
    Inspect(changed);
  }
}

TEST(Gguf, ArraysOfArraysAreTold) {
  GgufFile file = Plain();
  const std::string inner = GgufArray("", ValueType::kU8, 2, "ab").value;
  file.pairs.push_back(GgufArray("nested", ValueType::kArray, 2, inner + inner));
  const Verdict verdict = Inspect(file.Bytes());
  EXPECT_EQ(CodesOf(verdict), "");
  ASSERT_EQ(verdict.notes.size(), 1U);
  EXPECT_THAT(verdict.notes[0], HasSubstr("nested"));
}

TEST(Gguf, ThePartThatItsNameSaysIsThePartThatItIs) {
  const auto codes = [](const GgufFile& file, std::string_view name) {
    return CodesOf(InspectWith(InspectGgufPart, file.Bytes(), name));
  };
  GgufFile file = Plain();
  file.pairs.push_back(GgufNumber("split.no", ValueType::kU16, 1));
  file.pairs.push_back(GgufNumber("split.count", ValueType::kU16, 3));
  file.pairs.push_back(GgufNumber("split.tensors.count", ValueType::kI32, 6));
  EXPECT_EQ(codes(file, "m-00002-of-00003.gguf"), "");
  EXPECT_EQ(codes(file, "m.gguf"), "");
  EXPECT_EQ(codes(file, "m-00001-of-00003.gguf"), "gguf-split");
  EXPECT_EQ(codes(file, "m-00002-of-00004.gguf"), "gguf-split");
  EXPECT_EQ(codes(Plain(), "m-00001-of-00001.gguf"), "");
}

TEST(Gguf, TextsOfAnyLengthAreCheckedAcrossTheBuffer) {
  for (size_t before = (64 << 10) - 300; before < (64 << 10) + 300; ++before) {
    GgufFile file = Plain();
    file.pairs.push_back(GgufText("long", std::string(before, 'x') + "\xf0\x9f\xa6\xa6 and more"));
    ASSERT_EQ(CodesOf(Inspect(file.Bytes())), "") << before;
    file.pairs.back() = GgufText("long", std::string(before, 'x') + "\xf0\x9f\xa6");
    ASSERT_EQ(CodesOf(Inspect(file.Bytes())), "gguf-value") << before;
  }
}

TEST(Gguf, ChatTemplatesAreJudgedAsPrograms) {
  constexpr std::string_view kGood = "{% for m in messages %}{{ m['role'] }}: {{ m.content }}{% endfor %}";
  constexpr std::string_view kBad = "{{ ''.__class__.__mro__ }}";
  for (const std::string_view key : {"tokenizer.chat_template", "tokenizer.chat_template.tool_use"}) {
    GgufFile file = Plain();
    file.pairs.push_back(GgufText(key, kGood));
    EXPECT_EQ(CodesOf(Inspect(file.Bytes())), "");
    file.pairs.back() = GgufText(key, kBad);
    const Verdict verdict = Inspect(file.Bytes());
    EXPECT_TRUE(verdict.grades.Has(Grade::kCode));
    EXPECT_EQ(verdict.findings.front().code, "template-private");
  }
  GgufFile file = Plain();
  file.pairs.push_back(GgufArray("tokenizer.chat_templates", ValueType::kString, 2,
                                 GgufString("tool_use") + GgufString(kBad)));
  EXPECT_TRUE(Inspect(file.Bytes()).grades.Has(Grade::kCode));
  file.pairs.back() = GgufNumber("tokenizer.chat_template", ValueType::kU32, 7);
  EXPECT_EQ(CodesOf(Inspect(file.Bytes())), "gguf-value");
  file.pairs.back() = GgufText("tokenizer.chat_template", std::string((1 << 20) + 9, ' '));
  EXPECT_EQ(CodesOf(Inspect(file.Bytes())), "template-too-large");
}

TEST(Gguf, NothingThatIsWrongHidesATemplate) {
  const std::string array =
      GgufArray("", ValueType::kArray, 1, GgufArray("", ValueType::kU8, 1, "x").value).value;
  const std::string deep_array = GgufArray("", ValueType::kArray, 1, array).value;
  const GgufPair before[] = {
      GgufText("", "an empty key"),
      GgufText(std::string(70'000, 'k'), "a long key"),
      GgufText("sch\xc3\xb6n", "a key beyond ASCII"),
      GgufText("general.architecture", "a key that stands twice"),
      GgufText("x", "\xff"),
      GgufNumber("x", ValueType::kBool, 7),
      GgufNumber("general.alignment", ValueType::kU8, 7),
      GgufNumber("tokenizer.chat_template.x", ValueType::kU8, 7),
      GgufArray("tokenizer.chat_template.x", ValueType::kU8, 2, "xx"),
      {"x", static_cast<uint32_t>(ValueType::kArray), deep_array},
  };
  for (const GgufPair& pair : before) {
    GgufFile file = Plain();
    file.pairs.push_back(pair);
    file.pairs.push_back(GgufText("tokenizer.chat_template", "{{ ''.__class__ }}"));
    const Verdict verdict = Inspect(file.Bytes());
    EXPECT_TRUE(verdict.grades.Has(Grade::kCode) && verdict.grades.Has(Grade::kInvalid)) << CodesOf(verdict);
  }
}

TEST(Gguf, ReadsNoTensor) {
  GgufFile file = Plain();
  file.tensors.push_back({"large", {uint64_t{1} << 40U}, 24});
  std::string here = file.Header();
  here.resize((here.size() + 31) / 32 * 32);
  CountingSource source(here, here.size() + 160 + (uint64_t{1} << 40U));
  const Inspected inspected = InspectWith(InspectGguf, source);
  // Without its data there is no padding to be looked at behind it: nothing of the terabyte is asked for.
  EXPECT_TRUE(inspected.status.ok()) << inspected.status;
  EXPECT_EQ(CodesOf(inspected.verdict), "");
  EXPECT_LE(source.read_bytes(), here.size());
}

TEST(Gguf, BytesThatAreNotHereYetAreNoFinding) {
  const std::string bytes = Plain().Bytes();
  CountingSource source(std::string_view(bytes).substr(0, 60), bytes.size());
  const Inspected inspected = InspectWith(InspectGguf, source);
  EXPECT_TRUE(absl::IsOutOfRange(inspected.status));
  EXPECT_EQ(CodesOf(inspected.verdict), "");
  EXPECT_EQ(inspected.verdict.format, "gguf");
}

}  // namespace
}  // namespace batuta::safety
