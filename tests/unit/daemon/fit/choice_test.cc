#include "daemon/fit/choice.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Variant {
  std::string label;
  MixSpec mix;
};

const std::vector<Variant> kVariants = {{"Q2_K", {10, 11, 10, 14}},
                                        {"Q3_K_M", {11, 12, 11, 14}},
                                        {"Q4_K_M", kQ4KM},
                                        {"Q5_K_M", {13, 14, 13, 14}},
                                        {"Q6_K", {14, 14, 14, 14}},
                                        {"Q8_0", kQ8},
                                        {"F16", kF16}};

// All there is to know of each.
std::vector<Candidate> Known(const ModelSpec& spec, const std::vector<Variant>& variants = kVariants) {
  std::vector<Candidate> candidates;
  const auto shape = ShapeOf(spec);
  for (const Variant& variant : variants) {
    Candidate& candidate = candidates.emplace_back();
    candidate.label = variant.label;
    candidate.stem = "model-" + variant.label;
    candidate.shape = shape;
    candidate.weights = WeightsOf(spec, variant.mix);
    candidate.file_bytes = candidate.weights->total_bytes + 7'000'000;
  }
  return candidates;
}

Machine MachineOf(uint64_t memory_gib, const std::vector<uint64_t>& devices_gib = {}) {
  Machine machine;
  machine.memory = {memory_gib * kGiB, memory_gib * kGiB, ""};
  for (const uint64_t gib : devices_gib) {
    machine.devices.push_back({"card", "", "nvidia", gib * kGiB, gib * kGiB, false});
  }
  return machine;
}

std::string Chosen(const std::vector<Candidate>& candidates, const Machine& machine, const Wish& wish = {}) {
  const Choice choice = ChooseVariant(candidates, machine, wish);
  if (!choice.chosen.has_value()) return "nothing";
  const Placement& placement = choice.judgements[*choice.chosen].placement;
  return candidates[*choice.chosen].label + " " + std::string(NameOf(placement.mode));
}

struct Row {
  uint64_t memory_gib;
  std::vector<uint64_t> devices_gib;
  std::string chosen;
};

TEST(ChoiceTest, IsTheMostPreciseThatFits) {
  const Row rows[] = {{4, {}, "nothing"},        {6, {}, "Q2_K cpu"},     {8, {}, "Q4_K_M cpu"},
                      {16, {}, "Q8_0 cpu"},      {32, {}, "F16 cpu"},     {512, {}, "F16 cpu"},
                      {16, {8}, "Q5_K_M gpu"},   {16, {12}, "Q8_0 gpu"},  {16, {24}, "F16 gpu"},
                      {64, {80}, "F16 gpu"},     {64, {6}, "F16 hybrid"}, {4, {6}, "Q5_K_M hybrid"},
                      {16, {12, 12}, "F16 gpu"}, {2, {80}, "Q8_0 gpu"},   {1, {80}, "nothing"}};
  const std::vector<Candidate> candidates = Known(Llama8B());
  for (const Row& row : rows) {
    EXPECT_EQ(Chosen(candidates, MachineOf(row.memory_gib, row.devices_gib)), row.chosen)
        << row.memory_gib << " GiB, " << row.devices_gib.size() << " GPUs";
  }
}

TEST(ChoiceTest, FollowsTheTarget) {
  const std::vector<Candidate> candidates = Known(Llama8B());
  const Machine machine = MachineOf(32, {8});
  EXPECT_EQ(Chosen(candidates, machine, {.target = Target::kBest}), "Q5_K_M gpu");
  EXPECT_EQ(Chosen(candidates, machine, {.target = Target::kGpu}), "Q5_K_M gpu");
  EXPECT_EQ(Chosen(candidates, machine, {.target = Target::kHybrid}), "F16 hybrid");
  EXPECT_EQ(Chosen(candidates, machine, {.target = Target::kCpu}), "F16 cpu");
  EXPECT_EQ(Chosen(candidates, MachineOf(32), {.target = Target::kGpu}), "nothing");
}

TEST(ChoiceTest, PrefersAHybridToLessThanTheFloorOnTheGpu) {
  // Q2_K would fit wholly on 6 GiB.
  EXPECT_EQ(Chosen(Known(Llama8B()), MachineOf(16, {6})), "F16 hybrid");
  EXPECT_EQ(Chosen(Known(Llama8B()), MachineOf(16, {6}), {.target = Target::kGpu}), "Q3_K_M gpu");
}

TEST(ChoiceTest, NeverTakesWhatIsFlawed) {
  std::vector<Candidate> candidates = Known(Llama8B());
  candidates.back().flaw = "part 2 of 3 is missing";
  candidates[5].label = "IQ4_KS";
  const Choice choice = ChooseVariant(candidates, MachineOf(64), {});

  EXPECT_EQ(candidates[*choice.chosen].label, "Q6_K");
  EXPECT_EQ(choice.judgements.back().reason, "part 2 of 3 is missing");
  EXPECT_FALSE(choice.judgements.back().fits);
  EXPECT_EQ(choice.judgements[5].reason, "the usual programs do not load it");
}

TEST(ChoiceTest, TakesWhatIsNotKnownToLoadOnlyWhenAsked) {
  std::vector<Candidate> candidates = Known(Llama8B(), {{"IQ4_KS", kQ4KM}});
  EXPECT_EQ(Chosen(candidates, MachineOf(64)), "nothing");
  EXPECT_EQ(Chosen(candidates, MachineOf(64), {.allow_unknown = true}), "IQ4_KS cpu");
}

TEST(ChoiceTest, DropsALowerLabelThatIsNotSmaller) {
  // As Qwen2.5-0.5B, whose rows fit no block of 256.
  std::vector<Candidate> candidates = Known(Llama8B(), {{"Q3_K_M", kQ8}, {"Q4_0", {2, 2, 2, 14}}});
  const Choice choice = ChooseVariant(candidates, MachineOf(64), {});
  EXPECT_EQ(candidates[*choice.chosen].label, "Q4_0");
  EXPECT_THAT(choice.judgements[0].reason, HasSubstr("no less precise and not larger"));
}

TEST(ChoiceTest, CutsTheContextToWhatTheModelWasTrainedFor) {
  ModelSpec spec = Llama8B();
  spec.context = 4096;
  const std::vector<Candidate> candidates = Known(spec);

  const Choice usual = ChooseVariant(candidates, MachineOf(64), {});
  const Choice asked = ChooseVariant(candidates, MachineOf(64), {.context = 2048});

  EXPECT_EQ(usual.context, 4096U);
  EXPECT_EQ(usual.trained_context, 4096U);
  EXPECT_THAT(usual.notes.at(0), HasSubstr("trained for a context of 4096"));
  EXPECT_EQ(asked.context, 2048U);
  EXPECT_TRUE(asked.notes.empty());
}

TEST(ChoiceTest, TellsWhatTheNeedConsistsOf) {
  const std::vector<Candidate> candidates = Known(Llama8B());
  const Choice choice = ChooseVariant(candidates, MachineOf(32, {24}), {});

  EXPECT_EQ(choice.architecture, "llama");
  EXPECT_EQ(choice.parameters, 8'030'261'312U);
  for (const Judgement& judgement : choice.judgements) {
    EXPECT_TRUE(judgement.is_exact);
    EXPECT_EQ(judgement.cache_bytes, kGiB);
    EXPECT_EQ(judgement.weights_bytes + judgement.cache_bytes + judgement.compute_bytes,
              judgement.total_bytes);
  }
  EXPECT_EQ(choice.judgements[2].weights_bytes, candidates[2].weights->total_bytes);
}

TEST(ChoiceTest, ExplainsWhatWouldLetTheNextBetterOneIn) {
  const Choice choice = ChooseVariant(Known(Llama8B()), MachineOf(32, {8}), {});

  EXPECT_THAT(choice.explanation, HasSubstr("Q5_K_M runs wholly on the GPU with a context of 8192"));
  EXPECT_THAT(choice.explanation, HasSubstr("Q6_K, the next better one, needs "));
  EXPECT_THAT(choice.explanation, HasSubstr("more than the GPU may give"));
  EXPECT_THAT(choice.explanation, HasSubstr("a context of "));
  EXPECT_THAT(choice.explanation, HasSubstr("a q8_0 cache would let it in"));
  EXPECT_THAT(choice.explanation, HasSubstr("as a hybrid it would run with "));
  EXPECT_EQ(choice.judgements[0].reason, "fits, and is less precise than the chosen one");
  EXPECT_EQ(choice.judgements[3].reason, "the most precise one that runs wholly on the GPU");
}

TEST(ChoiceTest, WhatItSaysWouldLetTheNextBetterOneInDoes) {
  const Machine machine = MachineOf(32, {8});
  const std::vector<Candidate> candidates = Known(Llama8B());
  const std::string text = ChooseVariant(candidates, machine, {}).explanation;
  const size_t place = text.find("; a context of ");
  ASSERT_NE(place, std::string::npos);
  const uint64_t context = std::stoull(text.substr(place + 15));

  EXPECT_EQ(Chosen(candidates, machine, {.context = context}), "Q6_K gpu");
  EXPECT_EQ(Chosen(candidates, machine, {.context = context + 256}), "Q5_K_M gpu");
  EXPECT_EQ(Chosen(candidates, machine, {.cache_type = CacheType::kQ80}), "Q6_K gpu");
}

TEST(ChoiceTest, SaysThatNothingIsBetter) {
  EXPECT_THAT(ChooseVariant(Known(Llama8B()), MachineOf(512), {}).explanation,
              HasSubstr("F16 runs in memory with a context of 8192; nothing is more precise."));
}

TEST(ChoiceTest, SaysHowFarTheSmallestIsFromFitting) {
  const Choice choice = ChooseVariant(Known(Llama8B()), MachineOf(5), {});

  EXPECT_FALSE(choice.chosen.has_value());
  EXPECT_THAT(choice.explanation, HasSubstr("Nothing fits: the smallest, Q2_K, needs "));
  EXPECT_THAT(choice.explanation, HasSubstr("would let it in"));
  EXPECT_EQ(choice.budget_bytes, 4 * kGiB);
  EXPECT_GT(choice.least_need_bytes, choice.budget_bytes);
}

TEST(ChoiceTest, WithoutAGpuWhatIsShortIsTheMemory) {
  const Choice choice = ChooseVariant(Known(Llama8B()), MachineOf(4), {});
  for (const Judgement& judgement : choice.judgements) {
    EXPECT_EQ(judgement.placement.mode, Mode::kCpu);
    EXPECT_EQ(judgement.placement.short_bytes, judgement.total_bytes - choice.budget_bytes);
    EXPECT_THAT(judgement.reason, HasSubstr("than the memory may give"));
  }
  const Choice gpu = ChooseVariant(Known(Llama8B()), MachineOf(4), {.target = Target::kGpu});
  EXPECT_THAT(gpu.judgements[0].reason, HasSubstr("on a GPU, and there is none"));
}

TEST(ChoiceTest, OfNothingIsNothing) {
  const Choice choice = ChooseVariant({}, MachineOf(64), {});
  EXPECT_FALSE(choice.chosen.has_value());
  EXPECT_EQ(choice.explanation, "There is no variant to choose from.");
  EXPECT_EQ(NextQuestion({}, MachineOf(64), {}).about, Question::About::kNothing);
}

// Of files of which only names and sizes are known.
std::vector<Candidate> Named(const ModelSpec& spec) {
  std::vector<Candidate> candidates = Known(spec);
  for (Candidate& candidate : candidates) {
    candidate.shape = nullptr;
    candidate.weights = nullptr;
  }
  return candidates;
}

TEST(QuestionTest, IsNoneWhenTheFilesAloneAreTooLarge) {
  EXPECT_EQ(NextQuestion(Named(Llama8B()), MachineOf(3), {}).about, Question::About::kNothing);
  const Choice choice = ChooseVariant(Named(Llama8B()), MachineOf(3), {});
  EXPECT_FALSE(choice.chosen.has_value());
  EXPECT_THAT(choice.judgements[6].reason, HasSubstr("its weights alone take "));
}

TEST(QuestionTest, IsForHyperParametersFirstAndThenOftenNone) {
  std::vector<Candidate> candidates = Named(Llama8B());
  const Machine machine = MachineOf(16);
  const Question first = NextQuestion(candidates, machine, {});
  EXPECT_EQ(first.about, Question::About::kHyperParameters);
  EXPECT_EQ(candidates[first.candidate].label, "Q8_0");

  for (Candidate& candidate : candidates) candidate.shape = ShapeOf(Llama8B());
  EXPECT_EQ(NextQuestion(candidates, machine, {}).about, Question::About::kNothing);
  EXPECT_EQ(Chosen(candidates, machine), "Q8_0 cpu");
}

TEST(QuestionTest, IsForTensorsNearTheLimit) {
  std::vector<Candidate> candidates = Named(Llama8B());
  const auto shape = ShapeOf(Llama8B());
  for (Candidate& candidate : candidates) candidate.shape = shape;
  Machine machine = MachineOf(16, {8});
  machine.devices[0].free_bytes = 6'780 * kMiB;  // 50 MiB more than Q4_K_M needs, with the margin

  const Question question = NextQuestion(candidates, machine, {});

  EXPECT_EQ(question.about, Question::About::kTensors);
  candidates[question.candidate].is_opaque = true;
  const Question next = NextQuestion(candidates, machine, {});
  EXPECT_TRUE(next.about == Question::About::kNothing || next.candidate != question.candidate);
}

TEST(QuestionTest, IsNoneOfAHeaderThatCannotBeRead) {
  std::vector<Candidate> candidates = Named(Llama8B());
  for (Candidate& candidate : candidates) candidate.is_opaque = true;

  EXPECT_EQ(NextQuestion(candidates, MachineOf(64), {}).about, Question::About::kNothing);
  EXPECT_EQ(Chosen(candidates, MachineOf(64)), "nothing");
  EXPECT_EQ(Chosen(candidates, MachineOf(64), {.allow_unknown = true}), "F16 cpu");
}

TEST(ChoiceTest, OfOtherFormatsTakesAFifthMoreThanTheFiles) {
  Candidate bf16;
  bf16.label = "BF16";
  bf16.format = Candidate::Format::kOther;
  bf16.file_bytes = 16 * kGiB;
  bf16.shape = ShapeOf(Llama8B());
  Candidate int8 = bf16;
  int8.label = "INT8";
  int8.file_bytes = 8 * kGiB;
  const std::vector<Candidate> candidates = {bf16, int8};

  EXPECT_EQ(Chosen(candidates, MachineOf(64, {24})), "BF16 gpu");
  EXPECT_EQ(Chosen(candidates, MachineOf(64, {16})), "INT8 gpu");
  EXPECT_EQ(Chosen(candidates, MachineOf(24)), "BF16 cpu");
  EXPECT_EQ(NextQuestion(candidates, MachineOf(64, {24}), {}).about, Question::About::kNothing);
}

}  // namespace
}  // namespace batuta::fit
