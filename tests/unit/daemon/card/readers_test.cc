#include "daemon/card/readers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/card/known_ids.h"
#include "daemon/card/loss_curve.h"
#include "daemon/card/sections.h"
#include "tests/support/card/memory_folder.h"
#include "tests/support/formats/safetensors.h"

namespace batuta::card {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Facts Gather(std::map<std::string, std::string> files) {
  MemoryFolder folder(std::move(files));
  return GatherFacts(folder, *RepoId::Parse(RepoType::kModel, "acme/own"));
}

TEST(BaseModelTest, WhatAConfigurationWasLoadedFromIsABaseOnlyWhenItWasTrainedSince) {
  const std::string config = R"({"architectures": ["LlamaForCausalLM"], "_name_or_path": "acme/otter"})";
  EXPECT_THAT(Gather({{"config.json", config}}).base_models, IsEmpty());
  const Facts trained = Gather({{"config.json", config}, {"trainer_state.json", R"({"global_step": 7})"}});
  EXPECT_THAT(trained.base_models, ElementsAre("acme/otter"));
  EXPECT_EQ(trained.base_model_relation, "finetune");
}

TEST(BaseModelTest, AModelIsNoBaseOfItselfAndALocalFolderIsNone) {
  const std::string state = R"({"global_step": 7})";
  for (const char* from : {"acme/own", "/home/mira/otter", "./out", "out", "checkpoint-500"}) {
    const Facts facts =
        Gather({{"config.json", std::string(R"({"model_type": "llama", "_name_or_path": ")") + from + "\"}"},
                {"trainer_state.json", state}});
    EXPECT_THAT(facts.base_models, IsEmpty()) << from;
  }
}

TEST(BaseModelTest, WhatIsStatedWinsOverWhatIsConcluded) {
  const Facts facts =
      Gather({{"aprender.toml", "base_model = \"acme/stated\"\nbase_model_relation = \"merge\"\n"},
              {"adapter_config.json", R"({"base_model_name_or_path": "acme/otter"})"}});
  EXPECT_THAT(facts.base_models, ElementsAre("acme/stated"));
  EXPECT_EQ(facts.base_model_relation, "merge");
}

TEST(ResultsTest, MeasurementsWithoutADatasetAreTold) {
  const Facts facts =
      Gather({{"all_results.json", R"({"eval_accuracy": 0.50, "eval_runtime": 3.1, "eval_samples": 10})"}});
  ASSERT_THAT(facts.results, SizeIs(1));
  EXPECT_EQ(facts.results[0].metric, "accuracy");
  EXPECT_EQ(facts.results[0].value, "0.50");
  EXPECT_EQ(facts.results[0].dataset.name, "");
}

TEST(ResultsTest, TheSameMeasurementIsToldOnce) {
  const Facts facts = Gather({{"all_results.json", R"({"eval_accuracy": 0.5})"},
                              {"eval_results.json", R"({"eval_accuracy": 0.6})"}});
  EXPECT_THAT(facts.results,
              ElementsAre(AllOf(Field(&Result::value, "0.6"), Field(&Result::source, "eval_results.json"))));
}

TEST(WeightsTest, ALyingHeaderIsAWarning) {
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}"), std::string(), std::string("1234567"),
        formats::Safetensors(R"({"a":{"dtype":"F32","shape":[18446744073709551615,3],"data_offsets":[0,4]}})",
                             4),
        formats::Safetensors(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
        formats::Safetensors("[]", 4)}) {
    const Facts facts = Gather({{"model.safetensors", bytes}});
    EXPECT_THAT(facts.weights, IsEmpty());
    EXPECT_THAT(facts.warnings, ElementsAre(HasSubstr("model.safetensors: left out: ")));
  }
}

TEST(WeightsTest, PartsAreOneSetAndCopiesInAnotherFormAreNone) {
  const std::string part =
      formats::Safetensors(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4);
  const Facts facts = Gather({{"model-00001-of-00002.safetensors", part},
                              {"model-00002-of-00002.safetensors", part},
                              {"model.fp16.safetensors", part},
                              {"consolidated.safetensors", part}});
  ASSERT_THAT(facts.weights, SizeIs(1));
  EXPECT_EQ(facts.weights[0].name, "model.safetensors");
  EXPECT_THAT(facts.weights[0].elements, ElementsAre(std::pair<const std::string, uint64_t>("F32", 2)));
}

TEST(GitTest, TheCommitIsFoundWhereGitPutsIt) {
  const std::string commit(40, 'a');
  EXPECT_EQ(Gather({{".git/HEAD", commit + "\n"}}).commit, commit);
  EXPECT_EQ(Gather({{".git/HEAD", "ref: refs/heads/main\n"}, {".git/refs/heads/main", commit + "\n"}}).commit,
            commit);
  EXPECT_EQ(Gather({{".git/HEAD", "ref: refs/heads/main\n"},
                    {".git/packed-refs", "# pack-refs\n" + std::string(40, 'b') + " refs/heads/other\n" +
                                             commit + " refs/heads/main\n"}})
                .commit,
            commit);
  EXPECT_EQ(Gather({{".git/HEAD", "ref: ../../../etc/passwd\n"}}).commit, "");
  EXPECT_EQ(Gather({{".git/HEAD", "secret\n"}}).commit, "");
}

TEST(LicenseTest, IdsAreThoseOfTheHub) {
  EXPECT_EQ(LicenseId("Apache-2.0"), "apache-2.0");
  EXPECT_EQ(LicenseId("GPL-3.0-or-later"), "gpl-3.0");
  EXPECT_EQ(LicenseId("MIT License"), "mit");
  EXPECT_EQ(LicenseId("My Licence"), "");
}

TEST(RunFilesTest, OnlyFilesOfTheirNamesAreRunFiles) {
  const std::string said = R"({"license": "mit"})";
  for (const char* path :
       {"aprender.json", "aprender_run.json", "certeza-7.json", ".aprender/any.json", "certeza/x.json"}) {
    EXPECT_EQ(Gather({{path, said}}).license, "mit") << path;
  }
  for (const char* path :
       {"aprenderx.json", "my_aprender.json", "aprender.txt", "certeza/deep/x.json", "aprender"}) {
    EXPECT_EQ(Gather({{path, said}}).license, "") << path;
  }
}

TEST(LossesTest, ColumnsAreALogToo) {
  const Facts facts =
      Gather({{"aprender.json", R"({"history": {"loss": [3, 2.5, "x", 1], "val_loss": [4, null, 3, 2]}})"}});
  EXPECT_THAT(facts.losses.training, SizeIs(3));
  EXPECT_THAT(facts.losses.evaluation, SizeIs(3));
  EXPECT_EQ(facts.losses.unit, "epoch");
}

TEST(LossCurveTest, StaysSmallWhateverTheLog) {
  LossLog log;
  log.unit = "step";
  for (int i = 0; i < 100'000; ++i) log.training.push_back({static_cast<double>(i), 5.0 / (1 + i)});
  const std::string svg = LossCurve(log);
  EXPECT_LT(svg.size(), 16u << 10);
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_EQ(LossCurve({}), "");
  log.training.assign(5, {1, 2});
  EXPECT_THAT(LossCurve(log), testing::Not(HasSubstr("nan")));
}

TEST(MarkdownTextTest, NothingBecomesMarkup) {
  EXPECT_EQ(MarkdownText("a|b <i> [x](y) `c` *d*"), "a\\|b \\<i\\> \\[x\\](y) \\`c\\` \\*d\\*");
}

}  // namespace
}  // namespace batuta::card
