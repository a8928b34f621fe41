#include "daemon/push/format_check.h"

#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include "daemon/push/local_folder.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/formats/pickle.h"
#include "tests/support/formats/safetensors.h"
#include "tests/support/guard/fake_inspection.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/push/rewrite.h"

namespace batuta::push {
namespace {

namespace pickle = formats::pickle;
using ::testing::AllOf;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

FormatReport Check(const std::string& path, std::string_view content) {
  return CheckFormat(*RepoPath::Parse(path), content);
}

auto Is(std::string_view reason, const std::string& objection) {
  return AllOf(Field(&FormatReport::reason, reason), Field(&FormatReport::objection, HasSubstr(objection)));
}

auto Warns(const std::string& text) {
  return AllOf(Field(&FormatReport::objection, IsEmpty()), Field(&FormatReport::warning, HasSubstr(text)));
}

std::string CleanPickle() {
  return pickle::Proto(2) + pickle::Dict(pickle::Str("a") + pickle::Int(1)) + pickle::kStop;
}

TEST(FormatCheck, HasNothingAgainstWhatIsAsItIsCalled) {
  const FormatReport fine;
  EXPECT_EQ(Check("a.safetensors",
                  formats::Safetensors(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8)),
            fine);
  EXPECT_EQ(Check("config.json", R"({"a": 1})"), fine);
  EXPECT_EQ(Check("trainer_state.json", R"({"loss": NaN, "eval": Infinity})"), fine);
  EXPECT_EQ(Check("data.json", "{\"a\": 1}\n{\"a\": 2}\n"), fine);
  EXPECT_EQ(Check("data.jsonl", "{\"a\": 1}\n{\"a\": 2}\n"), fine);
  EXPECT_EQ(Check("train.py", "import os\nos.system('true')\n"), fine);
  EXPECT_EQ(Check("notes.txt", ""), fine);
  EXPECT_EQ(Check("run.jsonl", "{\"step\": 1}\n{\"ste"), fine);
  EXPECT_EQ(Check("README.md", "---\nlicense: mit\ntags: [a, b]\n---\n# Hi\n"), fine);
}

TEST(FormatCheck, WhatIsNotTheDataThatItsNameClaimsStopsThePush) {
  EXPECT_THAT(Check("a.safetensors", "<html>404</html>"), Is("INVALID_CONTENT", "is not safetensors"));
  EXPECT_THAT(Check("a.safetensors", ""), Is("INVALID_CONTENT", "is empty"));
  EXPECT_THAT(Check("A.SafeTensors", CleanPickle()), Is("INVALID_CONTENT", "is not safetensors"));
  EXPECT_THAT(Check("a.safetensors",
                    formats::Safetensors(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 8)),
              Is("INVALID_CONTENT", "is not safetensors"));
  EXPECT_THAT(Check("a.gguf", "GGUX and so on"), Is("INVALID_CONTENT", "is not GGUF"));
  EXPECT_THAT(Check("config.json", R"({"a": )"), Is("INVALID_CONTENT", "is not JSON"));
  EXPECT_THAT(Check("config.json", "{\"a\": \"\xff\xfe\"}"), Is("INVALID_CONTENT", "is not JSON"));
  EXPECT_THAT(Check("config.json", ""), Is("INVALID_CONTENT", "is not JSON"));
  EXPECT_THAT(Check("train.parquet", "a,b,c\n1,2,3\n"), Is("INVALID_CONTENT", "is not Parquet"));
  EXPECT_THAT(Check("train.parquet", "PAR1 cut off"), Is("INVALID_CONTENT", "is not Parquet"));
}

TEST(FormatCheck, WhatGitLfsLeavesIsNotTheFile) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize 12345\n";
  for (const char* name : {"model.safetensors", "pytorch_model.bin", "data.parquet"}) {
    EXPECT_THAT(Check(name, pointer), Is("INVALID_CONTENT", "git lfs pull")) << name;
  }
}

TEST(FormatCheck, AKeyThatStandsTwiceIsAWarning) {
  EXPECT_EQ(Check("config.json", R"({"a": 1, "a": 2})").objection, "");
}

TEST(FormatCheck, WarnsOfPicklesWithTheWayToConvertThem) {
  EXPECT_THAT(Check("pytorch_model.bin", CleanPickle()), Warns("safetensors.torch.save_file"));
  EXPECT_THAT(Check("model.joblib", CleanPickle()), Warns("skops"));
  EXPECT_THAT(Check("table.pkl", CleanPickle()), Warns("Parquet"));
  EXPECT_THAT(Check("a.pt", pickle::Proto(2) + pickle::Global("mymodel", "Net") + pickle::kEmptyTuple +
                                pickle::kReduce + pickle::kStop),
              Warns("mymodel"));
}

TEST(FormatCheck, WhatDoesHarmStopsThePushUnderAnyName) {
  const std::string payload = pickle::Proto(2) + pickle::Payload() + pickle::kStop;
  for (const char* name : {"pytorch_model.bin", "notes.dat", "model.safetensors"}) {
    EXPECT_THAT(Check(name, payload), Is("UNSAFE_CONTENT", "posix.system")) << name;
  }
}

TEST(FormatCheck, HoldsTheMetadataOfACardToYaml) {
  EXPECT_EQ(CardProblem("# No metadata\n"), std::nullopt);
  EXPECT_EQ(CardProblem(""), std::nullopt);
  EXPECT_EQ(CardProblem("---\n---\n"), std::nullopt);
  EXPECT_EQ(CardProblem("---\n# only a note\n---\n"), std::nullopt);
  EXPECT_EQ(CardProblem("---\r\nlicense: mit\r\n---\r\nText"), std::nullopt);
  EXPECT_EQ(CardProblem("\n\n---\nlicense: mit\n---"), std::nullopt);
  EXPECT_EQ(CardProblem("---\nA rule above, none below: [\n"), std::nullopt);
  EXPECT_EQ(CardProblem("----\n[\n---\n"), std::nullopt);
  EXPECT_THAT(CardProblem("---\nlicense: [mit\n---\n"), Optional(HasSubstr("no YAML (line ")));
  EXPECT_THAT(CardProblem("---\na: b: c\n---\n"), Optional(HasSubstr("no YAML")));
  EXPECT_THAT(CardProblem("---\n\tlicense: mit\n---\n"), Optional(HasSubstr("no YAML")));
  EXPECT_THAT(CardProblem("---\n- mit\n---\n"), Optional(HasSubstr("names no fields")));
  EXPECT_THAT(CardProblem("---\njust text\n---\n"), Optional(HasSubstr("names no fields")));
  EXPECT_THAT(Check("README.md", "---\na: [\n---\n"), Is("INVALID_CONTENT", "no YAML"));
  EXPECT_EQ(Check("docs/README.md", "---\na: [\n---\n").objection, "");
}

class FormatCheckOnDiskTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, std::string_view content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }

  std::unique_ptr<FileBytes> Open(const std::string& name) {
    opened_ = *LocalFolder::Open(folder_.path());
    return *opened_->FindFile(*RepoPath::Parse(name));
  }

  const BlobId blob_ = *BlobId::Parse(std::string(64, 'a'));
  TempFolder folder_;
  std::shared_ptr<const Folder> opened_;
  metadata::FakeMetadataStore store_;
  guard::FakeInspection inspection_;
  guard::Verdicts verdicts_{store_, inspection_};
};

TEST_F(FormatCheckOnDiskTest, LooksAtTheSameBytesOnce) {
  Write("a.json", "invalid");
  EXPECT_THAT(CheckFormat(blob_, *Open("a.json"), verdicts_),
              IsOkAndHolds(Is("INVALID_CONTENT", "is not JSON")));
  EXPECT_THAT(CheckFormat(blob_, *Open("a.json"), verdicts_),
              IsOkAndHolds(Is("INVALID_CONTENT", "is not JSON")));
  EXPECT_EQ(inspection_.inspections, 1);
}

TEST_F(FormatCheckOnDiskTest, WhatIsSaidOfChangedBytesIsNotSaidOfTheBlob) {
  Write("a.json", "good");
  const auto file = Open("a.json");
  Rewrite(folder_ / "a.json", "evil");
  EXPECT_THAT(CheckFormat(blob_, *file, verdicts_), HasReason("FILE_CHANGED"));
  EXPECT_EQ(verdicts_.Find(blob_, "a.json"), std::nullopt);
}

TEST_F(FormatCheckOnDiskTest, ReadsTheCard) {
  Write("README.md", "---\na: [\n---\n");
  EXPECT_THAT(CheckFormat(blob_, *Open("README.md"), verdicts_),
              IsOkAndHolds(Is("INVALID_CONTENT", "no YAML")));
}

}  // namespace
}  // namespace batuta::push
