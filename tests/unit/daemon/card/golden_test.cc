#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "daemon/card/card.h"
#include "daemon/gguf/format.h"
#include "tests/support/card/memory_folder.h"
#include "tests/support/formats/gguf.h"
#include "tests/support/formats/safetensors.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::card {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

const fs::path kFolders = BATUTA_CARD_FOLDERS;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string Gguf(uint32_t tensor_type) {
  formats::GgufFile file;
  file.pairs = {formats::GgufText("general.architecture", "llama"),
                formats::GgufText("general.name", "Otter 7B Chat"),
                formats::GgufText("general.license", "llama3.1"),
                formats::GgufNumber("general.base_model.count", gguf::ValueType::kU32, 1),
                formats::GgufText("general.base_model.0.name", "Otter 7B"),
                formats::GgufText("general.base_model.0.organization", "Acme"),
                formats::GgufText("general.base_model.0.repo_url", "https://huggingface.co/acme/otter-7b"),
                formats::GgufNumber("llama.block_count", gguf::ValueType::kU32, 2),
                formats::GgufNumber("llama.context_length", gguf::ValueType::kU32, 4096)};
  file.tensors = {{"token_embd.weight", {256, 8}, tensor_type}, {"output_norm.weight", {256}, 0}};
  return file.Bytes();
}

// What cannot stand in a text file of this folder.
std::map<std::string, std::string> BinaryFiles(const std::string& folder) {
  const auto safetensors = [](std::string_view header) { return formats::Safetensors(header, 64); };
  if (folder == "trained") {
    return {{"model.safetensors", safetensors(R"({"__metadata__":{"format":"pt"},)"
                                              R"("w":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]},)"
                                              R"("b":{"dtype":"F32","shape":[4],"data_offsets":[48,64]}})")}};
  }
  if (folder == "adapter") {
    return {{"adapter_model.safetensors",
             safetensors(R"({"a":{"dtype":"BF16","shape":[16,2],"data_offsets":[0,64]}})")}};
  }
  if (folder == "gguf") return {{"otter-7b-Q8_0.gguf", Gguf(8)}, {"otter-7b-F16.gguf", Gguf(1)}};
  if (folder == "diffusers") {
    const std::string unet = safetensors(R"({"u":{"dtype":"F16","shape":[32],"data_offsets":[0,64]}})");
    return {{"unet/diffusion_pytorch_model.safetensors", unet},
            {"unet/diffusion_pytorch_model.fp16.safetensors", unet}};
  }
  if (folder == "quantised") {
    return {{"model-00001-of-00002.safetensors",
             safetensors(R"({"q":{"dtype":"I32","shape":[16],"data_offsets":[0,64]}})")},
            {"model-00002-of-00002.safetensors",
             safetensors(R"({"s":{"dtype":"F16","shape":[32],"data_offsets":[0,64]}})")},
            {"consolidated.safetensors",
             safetensors(R"({"x":{"dtype":"F16","shape":[32],"data_offsets":[0,64]}})")}};
  }
  return {};
}

MemoryFolder Folder(std::map<std::string, std::string> files) {
  return MemoryFolder(std::move(files));
}

MemoryFolder Load(const std::string& name) {
  MemoryFolder folder(BinaryFiles(name));
  const fs::path root = kFolders / name;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    std::string path = fs::relative(entry.path(), root).generic_string();
    if (!entry.is_regular_file() || path.starts_with("expected/")) continue;
    if (path.starts_with("dot-git/")) path = ".git/" + path.substr(8);  // git takes no `.git` in
    folder.Put(path, ReadFile(entry.path()));
  }
  return folder;
}

RepoId Repo(const std::string& folder) {
  return *RepoId::Parse(RepoType::kModel, folder == "hostile" ? "hostile/own" : "acme/otter-7");
}

// Everything that a card is, for the comparison.
std::map<std::string, std::string> Told(const Card& card) {
  std::map<std::string, std::string> told = {{"README.md", card.readme}};
  for (const CardFile& file : card.files) told[file.path] = file.content;
  std::string report = std::string(ToString(card.kind)) + "\n";
  for (const std::string& source : card.sources) report += "source: " + source + "\n";
  for (const std::string& warning : card.warnings) report += "warning: " + warning + "\n";
  told["report.txt"] = report;
  if (card.kind == CardKind::kCompleted) told["change.diff"] = card.diff;
  return told;
}

YAML::Node MetadataOf(const std::string& readme) {
  const size_t begin = readme.find("---") + 3;
  return YAML::Load(readme.substr(begin, readme.find("\n---", begin) - begin));
}

class GoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, TheCardIsTheOneExpected) {
  MemoryFolder folder = Load(GetParam());

  const absl::StatusOr<Card> card = MakeCard(folder, Repo(GetParam()));

  ASSERT_THAT(card, IsOk());
  const fs::path expected = kFolders / GetParam() / "expected";
  const char* const update =
      std::getenv("BATUTA_UPDATE_GOLDENS");  // NOLINT(concurrency-mt-unsafe): no other thread
  if (update != nullptr) {
    fs::remove_all(expected);
    for (const auto& [name, bytes] : Told(*card)) WriteFile(expected / name, bytes);
  }
  std::map<std::string, std::string> golden;
  for (const auto& entry : fs::directory_iterator(expected)) {
    golden[entry.path().filename().string()] = ReadFile(entry.path());
  }
  EXPECT_EQ(Told(*card), golden);
}

TEST_P(GoldenTest, TheSameFolderGivesTheSameBytes) {
  MemoryFolder first = Load(GetParam());
  MemoryFolder second = Load(GetParam());

  const absl::StatusOr<Card> once = MakeCard(first, Repo(GetParam()));
  const absl::StatusOr<Card> again = MakeCard(second, Repo(GetParam()));

  ASSERT_THAT(once, IsOk());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(Told(*once), Told(*again));
}

TEST_P(GoldenTest, TheMetadataIsYamlByTheRulesOfTheHub) {
  MemoryFolder folder = Load(GetParam());

  const absl::StatusOr<Card> card = MakeCard(folder, Repo(GetParam()));

  ASSERT_THAT(card, IsOk());
  if (!card->readme.starts_with("---") && card->kind == CardKind::kGenerated) return;  // nothing is known
  const YAML::Node metadata = MetadataOf(card->readme);
  ASSERT_TRUE(metadata.IsMap());
  if (const YAML::Node index = metadata["model-index"]; index.IsDefined()) {
    for (const YAML::Node& model : index) {
      EXPECT_TRUE(model["name"].IsScalar());
      for (const YAML::Node& block : model["results"]) {
        EXPECT_FALSE(block["task"]["type"].as<std::string>().empty());
        EXPECT_FALSE(block["dataset"]["type"].as<std::string>().empty());
        EXPECT_FALSE(block["dataset"]["name"].as<std::string>().empty());
        ASSERT_GT(block["metrics"].size(), 0u);
        for (const YAML::Node& metric : block["metrics"]) {
          EXPECT_FALSE(metric["type"].as<std::string>().empty());
          EXPECT_NO_THROW(metric["value"].as<double>());
        }
        if (const YAML::Node source = block["source"]; source.IsDefined()) {
          EXPECT_THAT(source["url"].as<std::string>(), HasSubstr("https://"));
        }
      }
    }
  }
  if (const YAML::Node license = metadata["license"];
      license.IsDefined() && license.as<std::string>() == "other") {
    EXPECT_TRUE(metadata["license_name"].IsDefined());
    EXPECT_TRUE(metadata["license_link"].IsDefined());
  }
}

TEST_P(GoldenTest, NothingOfTheMachineIsTold) {
  MemoryFolder folder = Load(GetParam());

  const absl::StatusOr<Card> card = MakeCard(folder, Repo(GetParam()));

  ASSERT_THAT(card, IsOk());
  for (const auto& [name, bytes] : Told(*card)) {
    for (const char* told :
         {"/home/", "C:\\", "/root/", "/srv/", "/data/", "mira@", "s3cr3t", "not-to-be-told"}) {
      EXPECT_THAT(bytes, Not(HasSubstr(told))) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenTest,
                         ::testing::Values("trained", "adapter", "gguf", "aprender", "certeza", "run_files",
                                           "diffusers", "sentences", "nothing", "quantised", "checkpoints",
                                           "hostile", "completed", "completed_crlf"),
                         [](const auto& folder) { return folder.param; });

TEST(MakeCardTest, ValuesAreToldAsTheyWereWritten) {
  MemoryFolder folder = Load("trained");

  const absl::StatusOr<Card> card = MakeCard(folder, Repo("trained"));

  ASSERT_THAT(card, IsOk());
  EXPECT_THAT(card->readme, HasSubstr("      value: 0.9130\n"));
  EXPECT_THAT(card->readme, HasSubstr("| 0.9130 |"));
  EXPECT_THAT(card->readme, HasSubstr("| 5e-05 |"));
}

TEST(MakeCardTest, DatasetsAndSpacesAreLeftAlone) {
  for (const RepoType type : {RepoType::kDataset, RepoType::kSpace}) {
    const RepoId repo = *RepoId::Parse(type, "acme/waters");
    MemoryFolder empty = Folder({{"config.json", R"({"architectures": ["LlamaForCausalLM"]})"}});
    MemoryFolder broken = Folder({{"README.md", "---\n[\n---\ntext"}});

    const absl::StatusOr<Card> none = MakeCard(empty, repo);
    const absl::StatusOr<Card> present = MakeCard(broken, repo);

    ASSERT_THAT(none, IsOk());
    EXPECT_EQ(none->kind, CardKind::kNone);
    EXPECT_EQ(none->readme, "");
    ASSERT_THAT(present, IsOk());
    EXPECT_EQ(present->kind, CardKind::kPresent);
    EXPECT_EQ(present->readme, "---\n[\n---\ntext");
    EXPECT_EQ(present->diff, "");
  }
}

TEST(MakeCardTest, ACardThatSaysEverythingStaysAsItIs) {
  const std::string readme = "---\nlicense: mit\nlibrary_name: transformers\npipeline_tag: fill-mask\n---\n";
  MemoryFolder folder =
      Folder({{"README.md", readme}, {"config.json", R"({"architectures": ["BertForMaskedLM"]})"}});

  const absl::StatusOr<Card> card = MakeCard(folder, Repo("x"));

  ASSERT_THAT(card, IsOk());
  EXPECT_EQ(card->kind, CardKind::kPresent);
  EXPECT_EQ(card->readme, readme);
  EXPECT_EQ(card->diff, "");
}

TEST(MakeCardTest, BrokenMetadataOfAModelIsAnError) {
  MemoryFolder folder = Folder({{"README.md", "---\nlicense: mit\ntags: [a\n---\n"}});

  const absl::StatusOr<Card> card = MakeCard(folder, Repo("x"));

  EXPECT_THAT(card, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReasonOf(card.status()), reason::kInvalidContent);
}

TEST(MakeCardTest, AReadmeThatCannotBeReadIsAnErrorAndNotAMissingOne) {
  MemoryFolder folder = Folder({{"README.md", "# Otter"}});
  folder.Break("README.md", absl::PermissionDeniedError("no"));

  EXPECT_THAT(MakeCard(folder, Repo("x")), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(MakeCardTest, AVeryLargeReadmeIsLeftAlone) {
  MemoryFolder folder = Folder({{"README.md", std::string(5 << 20, 'a')}});

  const absl::StatusOr<Card> card = MakeCard(folder, Repo("x"));

  ASSERT_THAT(card, IsOk());
  EXPECT_EQ(card->kind, CardKind::kPresent);
  EXPECT_EQ(card->warnings.size(), 1u);
}

TEST(MakeCardTest, AFileOfTheCurvesNameIsNotReplaced) {
  MemoryFolder folder = Load("trained");
  folder.Put("training_loss.svg", "<svg/>");

  const absl::StatusOr<Card> card = MakeCard(folder, Repo("trained"));

  ASSERT_THAT(card, IsOk());
  EXPECT_TRUE(card->files.empty());
  EXPECT_THAT(card->readme, Not(HasSubstr("training_loss.svg)")));
}

}  // namespace
}  // namespace batuta::card
