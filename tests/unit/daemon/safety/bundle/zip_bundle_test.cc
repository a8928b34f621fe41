#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/bundle/bundle.h"
#include "tests/support/archives/large_torch_zip.h"
#include "tests/support/archives/zip_model.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::safety {
namespace {

using test::DeflatedMember;
using test::DescribedMember;
using test::StoredMember;
using test::WriteZip;
using test::ZipMember;
using test::ZipModel;

// An empty OrderedDict, and nothing else.
constexpr std::string_view kEmptyState(
    "\x80\x02"
    "ccollections\nOrderedDict\n)R.",
    29);

// {"w": _rebuild_tensor_v2(storage 0 of two floats)}
std::string OneTensor() {
  return std::string("\x80\x02}X\1\0\0\0w", 9) + "ctorch._utils\n_rebuild_tensor_v2\n" +
         std::string("((X\x07\0\0\0storage", 14) + "ctorch\nFloatStorage\n" +
         std::string(
             "X\1\0\0\0"
             "0X\3\0\0\0cpuK\2tQK\0K\2\x85K\1\x85\x89"
             "ccollections\nOrderedDict\n)RtRs.",
             58);
}

// What the inspection of all else is here: what it was given is written down.
constexpr Rule kGiven{"test-given", Grade::kUnknown, "for the test"};

absl::Status WriteDown(Subject& subject) {
  subject.Add(kGiven, 0, subject.name());
  return absl::OkStatus();
}

struct Judged {
  Verdict verdict;
  std::set<std::string> codes;     // without kGiven
  std::vector<std::string> given;  // members inspected by their content
};

Judged Judge(std::string_view name, const ZipModel& model) {
  const std::string bytes = WriteZip(model);
  MemorySource source(bytes);
  Report report;
  Subject subject(name, source, report, WriteDown);
  EXPECT_THAT(InspectZip(subject), IsOk());
  Judged judged;
  judged.verdict = std::move(report).Take();
  for (const Finding& finding : judged.verdict.findings) {
    if (finding.code == kGiven.code) {
      judged.given.push_back(finding.text);
    } else {
      judged.codes.insert(finding.code);
    }
  }
  return judged;
}

ZipModel Torch() {
  ZipModel model;
  model.has_zip64_end = true;
  model.members = {
      DescribedMember("model/data.pkl", OneTensor()), DescribedMember("model/byteorder", "little"),
      DescribedMember("model/data/0", "12345678"), DescribedMember("model/version", "3\n"),
      DescribedMember("model/.data/serialization_id", "0123456789012345678901234567890123456789")};
  return model;
}

TEST(ZipBundle, TorchCheckpointHoldsItsPickleItsStoragesAndAFewWords) {
  const Judged judged = Judge("pytorch_model.bin", Torch());
  EXPECT_EQ(judged.verdict.format, "torch zip");
  EXPECT_TRUE(judged.verdict.has_pickle);
  EXPECT_THAT(judged.given, testing::IsEmpty());
  EXPECT_EQ(judged.verdict.grades, Grades{Grade::kPickle});
}

TEST(ZipBundle, ALargeCheckpointIsCleanByItsPickleAndRecordsAlone) {
  test::SparseFile file = test::LargeTorchZip(500, 64 << 20);
  Report report;
  Subject subject("pytorch_model.bin", file, report, WriteDown);
  ASSERT_THAT(InspectZip(subject), IsOk());
  EXPECT_EQ(PickleJudgement(std::move(report).Take()), "clean");
  EXPECT_GT(file.size_bytes(), 32'000'000'000U);
  EXPECT_LT(file.read_bytes(), 1U << 20);
}

TEST(ZipBundle, ThatItIsACheckpointIsKnownWhereOnlyTheLastBytesAreHere) {
  test::SparseFile file = test::LargeTorchZip(100, 1 << 20);
  file.OnlyFrom(file.size_bytes() - (70 << 10));
  Report report;
  Subject subject("pytorch_model.bin", file, report, WriteDown);
  EXPECT_THAT(InspectZip(subject), StatusIs(absl::StatusCode::kOutOfRange));
  const Verdict verdict = std::move(report).Take();
  EXPECT_EQ(verdict.format, "torch zip");
  EXPECT_TRUE(verdict.has_pickle);
}

TEST(ZipBundle, WhatTorchDoesNotWriteIntoItsArchivesIsFound) {
  ZipModel model = Torch();
  model.members.push_back(StoredMember("model/extra.pkl", "x"));
  model.members.push_back(StoredMember("other/data.pkl", "x"));
  model.members.push_back(StoredMember("model/data/../0", "x"));
  model.members.push_back(StoredMember("model/data/a/b", "x"));
  model.members[1] = StoredMember("model/byteorder", "little, and more");
  const Judged judged = Judge("pytorch_model.bin", model);
  EXPECT_THAT(judged.codes, testing::Contains("torch-member"));
  EXPECT_THAT(judged.given,
              testing::UnorderedElementsAre("model/extra.pkl", "other/data.pkl", "model/data/../0",
                                            "model/data/a/b", "model/byteorder"));
}

TEST(ZipBundle, AStorageThatNoTensorIsMadeOfIsFound) {
  ZipModel model = Torch();
  model.members.push_back(StoredMember("model/data/1", "x"));
  EXPECT_THAT(Judge("pytorch_model.bin", model).codes, testing::Contains("torch-stray-storage"));
}

TEST(ZipBundle, TorchNeverCompresses) {
  ZipModel model = Torch();
  model.members[2] = DeflatedMember("model/data/0", "12345678");
  EXPECT_THAT(Judge("pytorch_model.bin", model).codes, testing::Contains("torch-compressed"));
}

TEST(ZipBundle, TheNameOfAStorageInADamagedArchiveIsNoReasonNotToLook) {
  ZipModel model = Torch();
  model.members[0].flags |= 1;
  const Judged judged = Judge("pytorch_model.bin", model);
  EXPECT_THAT(judged.codes, testing::Contains("zip-flags"));
  EXPECT_TRUE(judged.verdict.has_pickle);
  EXPECT_EQ(PickleJudgement(judged.verdict), "dangerous");
}

TEST(ZipBundle, TorchScriptIsCode) {
  ZipModel model = Torch();
  model.members.push_back(StoredMember("model/code/__torch__.py", "op_version_set = 1"));
  EXPECT_THAT(Judge("model.pt", model).codes, testing::Contains("torchscript"));
  model = Torch();
  model.members.push_back(StoredMember("model/constants.pkl", "\x80\x02)."));
  const Judged judged = Judge("model.pt", model);
  EXPECT_THAT(judged.codes, testing::Contains("torchscript"));
  EXPECT_EQ(judged.verdict.format, "torchscript");
}

TEST(ZipBundle, AnExportedProgramIsAPickleAtBestAndCodeWithNativeParts) {
  ZipModel model;
  model.members = {StoredMember("m/archive_format", "pt2"),
                   StoredMember("m/byteorder", "little"),
                   StoredMember("m/models/model.json", "{}"),
                   StoredMember("m/data/weights/weight_0", "\1\2\3\4"),
                   StoredMember("m/data/weights/weight_1", kEmptyState),
                   StoredMember("m/data/sample_inputs/model.pt", "PK")};
  Judged judged = Judge("model.pt2", model);
  EXPECT_EQ(judged.verdict.format, "pt2");
  EXPECT_EQ(judged.codes, (std::set<std::string>{"pt2-export"}));
  EXPECT_THAT(judged.given, testing::UnorderedElementsAre("m/models/model.json", "m/data/weights/weight_1",
                                                          "m/data/sample_inputs/model.pt"));
  model.members.push_back(StoredMember("m/data/aotinductor/model/x.json", "{}"));
  EXPECT_THAT(Judge("model.pt2", model).codes, testing::Contains("pt2-code"));
}

TEST(ZipBundle, TheConfigurationOfAKerasModelIsHeldToKerasRulesWhateverElseIsInIt) {
  ZipModel model;
  model.members = {StoredMember("metadata.json", "{}"),
                   DeflatedMember("config.json", R"({"module": "os", "class_name": "system", "config": {}})"),
                   StoredMember("model.weights.h5", "HDF"), StoredMember("MAR-INF/MANIFEST.json", "{}")};
  const Judged judged = Judge("model.keras", model);
  EXPECT_EQ(judged.verdict.format, "keras");
  EXPECT_THAT(judged.codes, testing::Contains("keras-module"));
  EXPECT_THAT(judged.given, testing::Contains("model.weights.h5"));
}

TEST(ZipBundle, WhatIsNamedAKerasModelAndHasNoConfigurationIsNone) {
  ZipModel model;
  model.members = {StoredMember("metadata.json", "{}")};
  EXPECT_THAT(Judge("model.keras", model).codes, testing::Contains("keras-archive"));
}

TEST(ZipBundle, ProgramsAreCode) {
  EXPECT_THAT(Judge("x.whl", ZipModel()).codes, testing::Contains("program-archive"));
  for (const char* member :
       {"META-INF/MANIFEST.MF", "a/B.class", "x-1.0.dist-info/METADATA", "EGG-INFO/PKG-INFO"}) {
    ZipModel model;
    model.members = {StoredMember(member, "x")};
    EXPECT_THAT(Judge("file.zip", model).codes, testing::Contains("program-archive")) << member;
  }
}

TEST(ZipBundle, SkopsIsNotLookedInto) {
  ZipModel model;
  model.members = {StoredMember("schema.json", "{}")};
  EXPECT_THAT(Judge("model.skops", model).codes, testing::Contains("skops"));
}

TEST(ZipBundle, AnythingElseIsWhatItsMembersAre) {
  ZipModel model;
  model.members = {StoredMember("a.npy", "x"), StoredMember("b/", ""), DeflatedMember("b/c.npy", "y")};
  Judged judged = Judge("arrays.npz", model);
  EXPECT_EQ(judged.verdict.format, "numpy archive");
  EXPECT_THAT(judged.given, testing::ElementsAre("a.npy", "b/c.npy"));
  EXPECT_THAT(judged.codes, testing::IsEmpty());
  model.members.push_back(StoredMember("data.pkl", "x"));
  judged = Judge("arrays.zip", model);
  EXPECT_EQ(judged.verdict.format, "zip");
  EXPECT_THAT(judged.given, testing::Contains("data.pkl"));
}

ZipModel Dduf() {
  ZipModel model;
  model.members = {
      StoredMember("model_index.json", R"({"_class_name": "Pipeline", "vae": ["diffusers", "X"]})"),
      StoredMember("vae/config.json", "{}"), StoredMember("vae/model.safetensors", "x")};
  return model;
}

TEST(ZipBundle, DdufHasOnlyComponentsThatItsIndexNames) {
  EXPECT_THAT(Judge("model.dduf", Dduf()).codes, testing::IsEmpty());
  EXPECT_EQ(Judge("model.dduf", Dduf()).verdict.format, "dduf");
  const auto codes = [](auto change) {
    ZipModel model = Dduf();
    change(model.members);
    return Judge("model.dduf", model).codes;
  };
  using Members = std::vector<ZipMember>;
  EXPECT_THAT(codes([](Members& members) { members.push_back(StoredMember("vae/x.bin", "")); }),
              testing::Contains("dduf-member"));
  EXPECT_THAT(codes([](Members& members) { members[1] = DeflatedMember("vae/config.json", "{}"); }),
              testing::Contains("dduf-member"));
  EXPECT_THAT(codes([](Members& members) { members[1] = DescribedMember("vae/config.json", "{}"); }),
              testing::Contains("dduf-member"));
  EXPECT_THAT(codes([](Members& members) { members.push_back(StoredMember("vae/a/b.txt", "")); }),
              testing::Contains("dduf-folder"));
  EXPECT_THAT(codes([](Members& members) { members.push_back(StoredMember("unet/config.json", "")); }),
              testing::Contains("dduf-folder"));
  EXPECT_THAT(codes([](Members& members) { members.erase(members.begin() + 1); }),
              testing::Contains("dduf-folder"));
  EXPECT_THAT(codes([](Members& members) { members.erase(members.begin()); }),
              testing::Contains("dduf-index"));
}

}  // namespace
}  // namespace batuta::safety
