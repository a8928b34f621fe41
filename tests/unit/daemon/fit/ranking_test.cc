#include "daemon/fit/ranking.h"

#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::fit {
namespace {

using ::testing::ElementsAre;

uint32_t Rank(std::string_view label) {
  return RankOf(label, nullptr, "model");
}

TEST(RankingTest, FollowsWhatWasMeasured) {
  const std::vector<std::vector<std::string_view>> order = {
      {"F16", "BF16"},
      {"F32"},
      {"UD-Q8_K_XL"},
      {"Q8_0"},
      {"UD-Q6_K_XL"},
      {"Q6_K_L"},
      {"Q6_K"},
      {"UD-Q5_K_XL"},
      {"Q5_K_L"},
      {"Q5_K_M"},
      {"Q5_K_S", "Q5_1", "Q5_0"},
      {"UD-Q4_K_XL"},
      {"Q4_K_L"},
      {"Q4_K_M"},
      {"Q4_K_S", "IQ4_NL", "IQ4_XS"},
      {"NVFP4", "MXFP4_MOE", "Q4_1", "Q4_0"},
      {"UD-Q3_K_XL"},
      {"Q3_K_XL"},
      {"Q3_K_L"},
      {"Q3_K_M"},
      {"IQ3_M"},
      {"IQ3_S"},
      {"IQ3_XS"},
      {"UD-IQ3_XXS", "IQ3_XXS", "Q3_K_S"},
      {"UD-Q2_K_XL", "Q2_K_L", "UD-IQ2_M", "IQ2_M", "Q2_K"},
      {"Q2_K_S", "IQ2_S", "IQ2_XS"},
      {"UD-IQ2_XXS"},
      {"IQ2_XXS"},
      {"UD-IQ1_M"},
      {"IQ1_M"},
      {"UD-IQ1_S"},
      {"IQ1_S"},
      {"TQ2_0"},
      {"TQ1_0"},
      {"Q2_0"},
      {"Q1_0"}};
  for (size_t i = 0; i < order.size(); ++i) {
    for (const std::string_view label : order[i]) {
      EXPECT_EQ(Rank(label), Rank(order[i][0])) << label;
      if (i > 0) {
        EXPECT_GT(Rank(label), Rank(order[i - 1][0])) << label;
      }
    }
  }
}

TEST(RankingTest, TakesALabelWithOrWithoutTheMarkOfADynamicMix) {
  EXPECT_EQ(Rank("UD-Q5_K_M"), Rank("Q5_K_M"));
  EXPECT_EQ(Rank("Q4_K_XL"), Rank("UD-Q4_K_XL"));
}

TEST(RankingTest, PutsWhatItDoesNotKnowBehindAllOfAsManyBits) {
  EXPECT_GT(Rank("IQ4_KSS"), Rank("Q4_0"));
  EXPECT_LT(Rank("IQ4_KSS"), Rank("Q3_K_XL"));
  EXPECT_GT(Rank("IQ2_KT"), Rank("IQ2_XXS"));
  EXPECT_GT(Rank(""), Rank("Q1_0"));
}

TEST(RankingTest, PutsTheFormatInWhichAModelWasTrainedFirst) {
  ModelShape gpt_oss;
  gpt_oss.architecture = "gpt-oss";
  EXPECT_LT(RankOf("MXFP4_MOE", &gpt_oss, ""), RankOf("F16", &gpt_oss, ""));

  ModelShape deepseek;
  deepseek.architecture = "deepseek2";
  deepseek.experts = 64;
  EXPECT_GT(RankOf("Q8_0", &deepseek, ""), RankOf("BF16", &deepseek, ""));
  deepseek.experts = 256;
  EXPECT_LT(RankOf("Q8_0", &deepseek, ""), RankOf("BF16", &deepseek, ""));

  ModelShape bitnet;
  bitnet.architecture = "bitnet";
  EXPECT_LT(RankOf("TQ1_0", &bitnet, ""), RankOf("Q8_0", &bitnet, ""));

  EXPECT_LT(RankOf("Q4_0", nullptr, "gemma-3-4b-it-qat"), RankOf("Q8_0", nullptr, "gemma-3-4b-it-qat"));
  EXPECT_GT(RankOf("Q4_0", nullptr, "gemma-3-4b-it-qat"), RankOf("BF16", nullptr, "gemma-3-4b-it-qat"));
  EXPECT_GT(RankOf("Q4_0", nullptr, "Qatar-7B"), RankOf("Q8_0", nullptr, "Qatar-7B"));
}

TEST(RankingTest, OfEqualsTakesTheOneWithAnImatrixThenTheLarger) {
  const std::vector<Ranked> variants = {{5, 10, false}, {5, 20, false}, {5, 9, true}, {4, 1, false}};
  EXPECT_THAT(RankingOf(variants), ElementsAre(3, 2, 1, 0));
}

TEST(RankingTest, DropsWhatIsLessPreciseWithoutBeingSmaller) {
  const std::vector<Ranked> variants = {{3, 100, false}, {4, 100, false}, {5, 80, false}, {6, 90, false}};
  EXPECT_THAT(Pointless(variants), ElementsAre(false, true, false, true));
}

TEST(RankingTest, KnowsWhatTheUsualProgramsDoNotLoad) {
  for (const char* label : {"Q4_K_M", "UD-IQ2_XXS", "MXFP4_MOE", "", "Q4_K_XL", "IQ4_NL"}) {
    EXPECT_TRUE(IsLoadable(label)) << label;
  }
  for (const char* label :
       {"IQ4_KS", "IQ2_KT", "IQ3_K", "IQ2_BN", "I2_S", "Q4_0_4_4", "Q4_K_R4", "IQ4_XS_R8"}) {
    EXPECT_FALSE(IsLoadable(label)) << label;
  }
}

}  // namespace
}  // namespace batuta::fit
