// Reading only what NextQuestion() asks for gives the choice that reading everything gives.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/fit/choice.h"
#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

using About = Question::About;

struct Costs {
  int tensors = 0;  // variants of which the tensor infos were read
  int rounds = 0;
};

std::vector<Candidate> RandomCandidates(std::mt19937_64& random) {
  const ModelSpec spec = RandomModel(random);
  const auto shape = ShapeOf(spec);
  std::vector<LabelledMix> mixes = AllMixes();
  std::shuffle(mixes.begin(), mixes.end(), random);
  mixes.resize(Between(random, 1, mixes.size()));
  const uint64_t header_bytes = spec.vocabulary * Between(random, 24, 65);
  std::vector<Candidate> candidates;
  for (const LabelledMix& variant : mixes) {
    Candidate& candidate = candidates.emplace_back();
    candidate.label = variant.label;
    candidate.stem = "model";
    candidate.shape = shape;
    candidate.weights = WeightsOf(spec, variant.mix);
    candidate.file_bytes = candidate.weights->total_bytes + header_bytes + Between(random, 0, 100'000);
  }
  return candidates;
}

Wish RandomWish(std::mt19937_64& random) {
  Wish wish;
  wish.target = static_cast<Target>(Between(random, 0, 3));
  wish.cache_type = static_cast<CacheType>(Between(random, 0, 2));
  if (Between(random, 0, 1) == 1) wish.context = Between(random, 256, 100'000);
  return wish;
}

// Reads as the flow does: a shape for all at once, tensors one by one.
Choice ChooseReading(const std::vector<Candidate>& all, const Machine& machine, const Wish& wish,
                     Costs& costs) {
  std::vector<Candidate> candidates = all;
  for (Candidate& candidate : candidates) {
    candidate.shape = nullptr;
    candidate.weights = nullptr;
  }
  for (;;) {
    const Question question = NextQuestion(candidates, machine, wish);
    if (question.about == About::kNothing) return ChooseVariant(candidates, machine, wish);
    if (++costs.rounds > 100) return {};
    if (question.about == About::kHyperParameters) {
      for (size_t i = 0; i < all.size(); ++i) candidates[i].shape = all[i].shape;
      continue;
    }
    candidates[question.candidate].weights = all[question.candidate].weights;
    ++costs.tensors;
  }
}

TEST(ProgressPropertyTest, ReadingLittleGivesTheChoiceOfReadingAll) {
  std::mt19937_64 random(20'263);
  int tensors = 0;
  int with_many = 0;  // choices that needed those of more than three
  int most_on_one_gpu = 0;
  int choices = 0;
  int chosen = 0;
  for (int round = 0; round < 250; ++round) {
    const std::vector<Candidate> candidates = RandomCandidates(random);
    const uint64_t size = candidates[Between(random, 0, candidates.size() - 1)].file_bytes;
    for (int machines = 0; machines < 6; ++machines) {
      const Machine machine = RandomMachine(random, size);
      const Wish wish = RandomWish(random);
      Costs costs;
      const Choice all = ChooseVariant(candidates, machine, wish);
      const Choice little = ChooseReading(candidates, machine, wish, costs);
      ASSERT_EQ(little.chosen, all.chosen)
          << "round " << round << ": " << little.explanation << " / " << all.explanation;
      ASSERT_EQ(little.context == all.context || !all.chosen.has_value(), true);
      if (all.chosen.has_value()) {
        const Judgement& one = little.judgements[*all.chosen];
        const Judgement& other = all.judgements[*all.chosen];
        ASSERT_EQ(one.placement.mode, other.placement.mode) << "round " << round;
        ASSERT_TRUE(one.fits);
        ++chosen;
      }
      tensors += costs.tensors;
      if (machine.devices.size() < 2) most_on_one_gpu = std::max(most_on_one_gpu, costs.tensors);
      ++choices;
      if (costs.tensors > 3) ++with_many;
    }
  }
  // The headers of very few variants settle it.
  EXPECT_GT(chosen * 2, choices);
  EXPECT_LE(tensors * 100, choices * 60);
  EXPECT_LE(with_many * 100, choices * 4);
  EXPECT_LE(most_on_one_gpu, 5);
}

TEST(ProgressPropertyTest, WhatIsNotExactIsNeverBelowTheNeed) {
  std::mt19937_64 random(20'264);
  for (int round = 0; round < 200; ++round) {
    const std::vector<Candidate> candidates = RandomCandidates(random);
    const Machine machine = RandomMachine(random, candidates[0].file_bytes);
    const Wish wish = RandomWish(random);
    std::vector<Candidate> little = candidates;
    for (Candidate& candidate : little) candidate.weights = nullptr;
    const Choice all = ChooseVariant(candidates, machine, wish);
    const Choice less = ChooseVariant(little, machine, wish);
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (all.judgements[i].placement.mode != less.judgements[i].placement.mode) continue;
      if (all.judgements[i].placement.mode == Mode::kHybrid) continue;  // fills what there is
      EXPECT_GE(less.judgements[i].total_bytes, all.judgements[i].total_bytes);
      EXPECT_FALSE(less.judgements[i].is_exact);
    }
  }
}

}  // namespace
}  // namespace batuta::fit
