#include <string>
#include <vector>

#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PullFlagsTest : public ClientTest {
 protected:
  // What the daemon is asked for by `batuta hf pull model a/b WORDS… --detach`.
  v1::PullSpec SpecOf(std::vector<std::string> words) {
    words.insert(words.begin(), {"hf", "pull", "model", "a/b", "--detach"});
    const RunResult result = Run(words);
    EXPECT_EQ(result.code, 0) << result.err;
    const auto pulls = daemon_.calls().pulls;
    return pulls.empty() ? v1::PullSpec() : pulls.back().spec();
  }
};

TEST_F(PullFlagsTest, NothingNamedLeavesTheChoiceToTheDaemon) {
  const v1::PullSpec spec = SpecOf({});

  EXPECT_EQ(spec.repo().id(), "a/b");
  EXPECT_EQ(spec.repo().type(), v1::REPO_TYPE_MODEL);
  EXPECT_EQ(spec.revision(), "");
  EXPECT_EQ(spec.format(), "");
  EXPECT_THAT(spec.allow_unsafe(), IsEmpty());
  EXPECT_FALSE(spec.offline());
  EXPECT_FALSE(spec.refresh());
  EXPECT_FALSE(spec.no_wait());
}

TEST_F(PullFlagsTest, EveryFlagReachesTheDaemon) {
  const v1::PullSpec spec = SpecOf({"f1",
                                    "f2",
                                    "--revision",
                                    "v1.0",
                                    "--include",
                                    "*.json",
                                    "--include",
                                    "[a-b]*",
                                    "--exclude",
                                    "x",
                                    "--quantization",
                                    "q4_k_m",
                                    "--allow-unsafe",
                                    "--allow-unsafe=code,invalid",
                                    "--offline",
                                    "--no-wait",
                                    "--priority",
                                    "background",
                                    "--limit-rate",
                                    "2.5M"});

  EXPECT_THAT(spec.paths(), ElementsAre("f1", "f2"));
  EXPECT_EQ(spec.revision(), "v1.0");
  EXPECT_THAT(spec.include(), ElementsAre("*.json", "[a-b]*"));
  EXPECT_THAT(spec.exclude(), ElementsAre("x"));
  EXPECT_EQ(spec.quantization(), "q4_k_m");
  EXPECT_THAT(spec.allow_unsafe(), ElementsAre("pickle", "code", "invalid"));
  EXPECT_TRUE(spec.offline());
  EXPECT_TRUE(spec.no_wait());
  EXPECT_EQ(spec.priority(), v1::PRIORITY_BACKGROUND);
  EXPECT_EQ(spec.limit_bytes_per_second(), 2'500'000u);
}

TEST_F(PullFlagsTest, ARateThatIsNoneIsSaidToBeNone) {
  const RunResult result = Run({"hf", "pull", "model", "a/b", "--limit-rate", "fast"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("--limit-rate"));
  EXPECT_THAT(result.err, HasSubstr("like `500K`, `10M`"));
  EXPECT_EQ(SpecOf({"--limit-rate", "0"}).limit_bytes_per_second(), 0u);
}

TEST_F(PullFlagsTest, FormatChoosesWeightsAndOutputAtOnce) {
  EXPECT_EQ(SpecOf({"--format", "gguf", "--format", "quiet"}).format(), "gguf");
  EXPECT_EQ(SpecOf({"--format=json", "--format=all"}).format(), "all");
  EXPECT_EQ(SpecOf({"--format", "json"}).format(), "");
  const RunResult both =
      Run({"hf", "pull", "model", "a/b", "--detach", "--format", "safetensors", "--format", "json"});
  EXPECT_TRUE(nlohmann::json::parse(both.out).contains("job_id"));
}

TEST_F(PullFlagsTest, OfflineAlsoComesFromTheEnvironment) {
  client_.variables["HF_HUB_OFFLINE"] = "1";

  EXPECT_TRUE(SpecOf({}).offline());
}

TEST_F(PullFlagsTest, RequestsAreToldApart) {
  SpecOf({});
  SpecOf({});

  const auto pulls = daemon_.calls().pulls;
  ASSERT_EQ(pulls.size(), 2u);
  EXPECT_EQ(pulls[0].request_id().size(), 32u);
  EXPECT_NE(pulls[0].request_id(), pulls[1].request_id());
}

TEST_F(PullFlagsTest, WhoWaitsComesFirst) {
  EXPECT_EQ(SpecOf({}).priority(), v1::PRIORITY_NORMAL) << "nobody waits for a detached job";
  Answer([](FakeDaemon::Answers& answers) { answers.pulls.assign(5, {Update(v1::Job::STATE_DONE)}); });
  Run({"hf", "pull", "model", "a/b"});
  EXPECT_EQ(daemon_.calls().pulls.back().spec().priority(), v1::PRIORITY_INTERACTIVE);
}

TEST_F(PullFlagsTest, AutoQuantizeSendsTheMachineOfTheCaller) {
  const v1::PullSpec spec = SpecOf({"--auto-quantize", "--context", "4096", "--memory", "16GiB", "--vram",
                                    "8GiB,24GiB", "--cache-type", "q8_0", "--fit-target", "hybrid"});

  ASSERT_TRUE(spec.has_auto_quantize());
  const v1::FitSpec& fit = spec.auto_quantize();
  EXPECT_EQ(fit.context(), 4096u);
  EXPECT_EQ(fit.cache_type(), "q8_0");
  EXPECT_EQ(fit.target(), v1::FIT_TARGET_HYBRID);
  EXPECT_EQ(fit.machine().memory().available_bytes(), uint64_t{16} << 30);
  EXPECT_EQ(fit.machine().memory().limited_by(), "asked for");
  ASSERT_EQ(fit.machine().devices_size(), 2);
  EXPECT_EQ(fit.machine().devices(1).free_bytes(), uint64_t{24} << 30);
  EXPECT_FALSE(SpecOf({}).has_auto_quantize());
}

TEST_F(PullFlagsTest, ADeviceIsATarget) {
  const struct {
    const char* device;
    v1::FitTarget target;
  } rows[] = {{"auto", v1::FIT_TARGET_UNSPECIFIED}, {"cpu", v1::FIT_TARGET_CPU}, {"gpu", v1::FIT_TARGET_GPU}};

  for (const auto& row : rows) {
    EXPECT_EQ(SpecOf({"--auto-quantize", "--memory", "1GiB", "--vram", "0", "--device", row.device})
                  .auto_quantize()
                  .target(),
              row.target)
        << row.device;
  }
}

TEST_F(PullFlagsTest, WhatAModelShallFitGoesWithAutoQuantize) {
  const std::vector<std::vector<std::string>> rows = {{"--context", "4096"},    {"--device", "gpu"},
                                                      {"--memory", "1GiB"},     {"--vram", "0"},
                                                      {"--fit-target", "auto"}, {"--cache-type", "f16"}};
  for (std::vector<std::string> words : rows) {
    const std::string flag = words.front();
    words.insert(words.begin(), {"hf", "pull", "model", "a/b"});
    const RunResult result = Run(words);
    EXPECT_EQ(result.code, 2) << flag;
    EXPECT_THAT(result.err, HasSubstr(flag + " goes with --auto-quantize"));
  }
  EXPECT_EQ(Run({"hf", "pull", "dataset", "a/b", "--auto-quantize"}).code, 2);
  EXPECT_TRUE(daemon_.calls().pulls.empty());
}

TEST_F(PullFlagsTest, ContradictionsAndUnknownWordsAreUsageErrors) {
  const std::vector<std::vector<std::string>> rows = {
      {"--dry-run", "--detach"},
      {"--detach", "-o", "x"},
      {"--hard-link"},
      {"--quantization", "q4", "--format", "onnx"},
      {"--allow-unsafe=everything"},
      {"--priority", "urgent"},
      {"--auto-quantize", "--quantization", "q4"},
      {"--auto-quantize", "--format", "gguf"},
      {"--auto-quantize", "file"},
      {"--auto-quantize", "--locked", "models.lock"},
      {"--auto-quantize", "--device", "cpu", "--fit-target", "gpu"},
      {"--auto-quantize", "--device", "tpu"},
      {"--auto-quantize", "--vram", "24GiB,lots"},
      {"--auto-quantize", "--memory", "lots"},
      {"--auto-quantize", "--context", "0"},
      {"--format", "safetensor"},
  };
  for (std::vector<std::string> words : rows) {
    words.insert(words.begin(), {"hf", "pull", "model", "a/b"});
    EXPECT_EQ(Run(words).code, 2) << ::testing::PrintToString(words);
  }
  EXPECT_THAT(Run({"hf", "pull", "model", "a/b", "--format", "safetensor"}).err,
              HasSubstr("did you mean safetensors?"));
  EXPECT_TRUE(daemon_.calls().pulls.empty());
}

}  // namespace
}  // namespace batuta::client
