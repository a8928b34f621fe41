#include "client/output/fit_view.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

v1::Fit Example() {
  v1::Fit fit;
  fit.set_commit("c0ffee");
  v1::Machine& machine = *fit.mutable_machine();
  machine.mutable_memory()->set_total_bytes(32'000'000'000);
  machine.mutable_memory()->set_available_bytes(31'200'000'000);
  machine.mutable_memory()->set_limited_by("cgroup");
  v1::Machine::Device& device = *machine.add_devices();
  device.set_name("RTX \x1b[31m4070");
  device.set_id("GPU-a");
  device.set_kind("nvidia");
  device.set_total_bytes(12'000'000'000);
  device.set_free_bytes(11'600'000'000);
  machine.add_notes("CUDA_VISIBLE_DEVICES shows 1 of 2 NVIDIA GPUs");
  fit.set_architecture("llama");
  fit.set_parameters(8'030'000'000);
  fit.set_context(8192);
  fit.set_trained_context(131072);

  v1::FitCandidate& large = *fit.add_candidates();
  large.set_label("F16");
  large.add_files("a-F16-00001-of-00002.gguf");
  large.add_files("a-F16-00002-of-00002.gguf");
  large.set_file_bytes(16'000'000'000);
  large.set_weights_bytes(15'900'000'000);
  large.set_cache_bytes(1'000'000'000);
  large.set_compute_bytes(300'000'000);
  large.set_total_bytes(17'200'000'000);
  large.set_memory_bytes(700'000'000);
  large.add_device_bytes(16'500'000'000);
  large.set_placement("gpu");
  large.set_short_bytes(4'600'000'000);
  large.set_reason("hybrid would fit");

  v1::FitCandidate& best = *fit.add_candidates();
  best.set_label("Q8_0");
  best.add_files("a-Q8_0.gguf");
  best.set_file_bytes(8'540'000'000);
  best.set_total_bytes(9'680'000'000);
  best.set_memory_bytes(1'000'000'000);
  best.add_device_bytes(8'680'000'000);
  best.set_bits_per_weight(8.5);
  best.set_fits(true);
  best.set_placement("gpu");
  best.set_reason("1.9 GB to spare");
  best.set_device_layers(33);
  best.set_layers(33);
  best.set_is_exact(true);
  fit.set_chosen("Q8_0");
  fit.set_explanation("Q8_0 fits the GPU; F16 needs 4.6 GB more");
  fit.add_notes("the context is cut");
  fit.add_suggestions("acme/otter-gguf");
  fit.set_requests(1);
  fit.set_read_bytes(65'536);
  return fit;
}

v1::RepoId Otter() {
  v1::RepoId repo;
  repo.set_type(v1::REPO_TYPE_MODEL);
  repo.set_id("acme/otter");
  return repo;
}

std::string Printed(OutputFormat format, const v1::Fit& fit) {
  TestOutput test({.format = format});
  const v1::RepoId repo = Otter();
  PrintFit(test.output, {.repo = repo, .revision = "main", .cache_type = "q8_0"}, fit);
  EXPECT_TRUE(test.output.Finish().ok());
  return test.data.text;
}

TEST(FitViewTest, JsonHasTheContractAndWhatItStandsOn) {
  const json document = json::parse(Printed(OutputFormat::kJson, Example()));

  EXPECT_EQ(document["repo"], "acme/otter");
  EXPECT_EQ(document["commit"], "c0ffee");
  EXPECT_EQ(document["memory"], json::parse(R"({"total_bytes":32000000000,"available_bytes":31200000000,
    "limited_by":"cgroup","devices":[{"name":"RTX \u001b[31m4070","id":"GPU-a","kind":"nvidia",
    "total_bytes":12000000000,"free_bytes":11600000000,"shares_memory":false}],
    "notes":["CUDA_VISIBLE_DEVICES shows 1 of 2 NVIDIA GPUs"]})"));
  EXPECT_EQ(document["candidates"][1], json::parse(R"({"label":"Q8_0","files":["a-Q8_0.gguf"],
    "file_bytes":8540000000,"weights_bytes":0,"kv_bytes":0,"compute_bytes":0,"total_bytes":9680000000,
    "memory_bytes":1000000000,"device_bytes":[8680000000],"bits_per_weight":8.5,"fits":true,
    "placement":"gpu","reason":"1.9 GB to spare","short_bytes":0,"device_layers":33,"layers":33,"exact":true})"));
  EXPECT_EQ(document["candidates"][0]["files"].size(), 2u);
  EXPECT_EQ(document["candidates"][0]["kv_bytes"], 1'000'000'000);
  EXPECT_TRUE(document["candidates"][0]["bits_per_weight"].is_null());
  EXPECT_EQ(document["context"], 8192);
  EXPECT_EQ(document["chosen"], "Q8_0");
  EXPECT_EQ(document["suggestions"], json::parse(R"(["acme/otter-gguf"])"));
  EXPECT_EQ(document["requests"], 1);
  EXPECT_EQ(document["read_bytes"], 65'536);
}

TEST(FitViewTest, PeopleSeeTheMachineTheModelAndALineForEachVariant) {
  const std::string text = Printed(OutputFormat::kHuman, Example());

  EXPECT_THAT(text, HasSubstr("machine   memory 31.2 GB available of 32 GB (limited by cgroup) · "
                              "RTX \\x1b[31m4070 11.6 GB free of 12 GB\n"));
  EXPECT_THAT(
      text,
      HasSubstr("model     llama, 8.03 billion parameters, context 8192 of 131072 → cache 1 GB (q8_0)\n"));
  EXPECT_THAT(text, HasSubstr("F16"));
  EXPECT_THAT(text, HasSubstr("≤ GPU 16.5 GB + memory 700 MB  no, by 4.6 GB  hybrid would fit\n"));
  EXPECT_THAT(text, HasSubstr("→  Q8_0"));
  EXPECT_THAT(text, HasSubstr("chosen    Q8_0 fits the GPU; F16 needs 4.6 GB more\n"));
  EXPECT_THAT(text, HasSubstr("note      CUDA_VISIBLE_DEVICES shows 1 of 2 NVIDIA GPUs\n"));
  EXPECT_THAT(text, HasSubstr("note      the context is cut\n"));
  EXPECT_THAT(text, HasSubstr("see also  acme/otter-gguf\n"));
  EXPECT_THAT(text, HasSubstr("read      1 request, 65.5 kB; nothing was downloaded\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(FitViewTest, SaysWhereAVariantFits) {
  const struct {
    const char* placement;
    const char* text;
  } rows[] = {{"cpu", "on the CPU"}, {"gpu", "on the GPU"}, {"hybrid", "hybrid, 20 of 33 layers on the GPU"}};

  for (const auto& row : rows) {
    v1::Fit fit = Example();
    fit.mutable_candidates(1)->set_placement(row.placement);
    fit.mutable_candidates(1)->set_device_layers(20);
    EXPECT_THAT(Printed(OutputFormat::kHuman, fit), HasSubstr(row.text));
  }
}

TEST(FitViewTest, AMachineThatWasAskedForIsCalledSo) {
  v1::Fit fit = Example();
  fit.mutable_machine()->mutable_memory()->set_limited_by("asked for");
  fit.mutable_machine()->mutable_devices(0)->set_kind("asked for");
  EXPECT_THAT(Printed(OutputFormat::kHuman, fit),
              HasSubstr("memory 31.2 GB (asked for) · RTX \\x1b[31m4070 11.6 GB (asked for)\n"));
  fit.mutable_machine()->clear_devices();
  EXPECT_THAT(Printed(OutputFormat::kHuman, fit), HasSubstr("memory 31.2 GB (asked for) · no GPU\n"));
}

TEST(FitViewTest, NothingFitsIsNullAndEmpty) {
  v1::Fit fit = Example();
  fit.clear_chosen();
  fit.set_explanation("nothing fits");
  EXPECT_TRUE(json::parse(Printed(OutputFormat::kJson, fit))["chosen"].is_null());
  EXPECT_EQ(Printed(OutputFormat::kQuiet, fit), "");
  EXPECT_THAT(Printed(OutputFormat::kHuman, fit), HasSubstr("nothing   nothing fits\n"));
  EXPECT_EQ(Printed(OutputFormat::kQuiet, Example()), "Q8_0\n");
}

TEST(FitViewTest, NumbersThatAreNoneMakeNoBrokenDocument) {
  v1::Fit fit = Example();
  fit.mutable_candidates(1)->set_bits_per_weight(std::nan(""));
  EXPECT_TRUE(json::parse(Printed(OutputFormat::kJson, fit))["candidates"][1]["bits_per_weight"].is_null());
  fit.mutable_candidates(1)->set_bits_per_weight(HUGE_VAL);
  EXPECT_TRUE(json::parse(Printed(OutputFormat::kJson, fit))["candidates"][1]["bits_per_weight"].is_null());
}

}  // namespace
}  // namespace batuta::client
