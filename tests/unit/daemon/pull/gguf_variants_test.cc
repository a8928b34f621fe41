#include "daemon/pull/gguf_variants.h"

#include <cctype>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "daemon/pull/quant_label.h"
#include "tests/unit/daemon/pull/selection_requests.h"

namespace batuta::pull {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GgufVariantsTest : public ::testing::Test {
 protected:
  const GgufContents& Sort(const Files& files) {
    tree_ = TreeOf(files);
    contents_ = SortGguf(Draft(tree_, RepoType::kModel));
    return contents_;
  }

  static std::vector<std::string> NamesIn(const GgufContents& contents) {
    std::vector<std::string> names;
    for (const GgufVariant& variant : contents.variants) names.push_back(variant.name);
    return names;
  }

  std::vector<std::string> Named(std::string_view wanted) {
    std::vector<std::string> names;
    for (const GgufVariant* variant : VariantsNamed(contents_, wanted)) names.push_back(variant->name);
    return names;
  }

  Tree tree_{*CommitId::Parse(std::string(40, 'a')), {}};
  GgufContents contents_;
};

TEST_F(GgufVariantsTest, PutsThePartsOfAVariantInTheirOrder) {
  const GgufContents& contents = Sort({"m-Q8_0-00002-of-00003.gguf", "m-Q8_0-00003-of-00003.gguf",
                                       "m-Q8_0-00001-of-00003.gguf", "m-Q4_0.gguf"});
  ASSERT_EQ(contents.variants.size(), 2U);
  const GgufVariant& split = contents.variants[0];
  EXPECT_THAT(split.files, ElementsAre(2U, 0U, 1U));
  EXPECT_EQ(split.parts, 3U);
  EXPECT_TRUE(split.is_complete);
  EXPECT_EQ(split.size_bytes, 3'000'000'000U);
}

TEST_F(GgufVariantsTest, SaysWhatIsMissing) {
  const GgufContents& contents =
      Sort({"m-Q8_0-00001-of-00003.gguf", "m-Q8_0-00003-of-00003.gguf", "m.Q6_K.gguf-split-a",
            "m.Q5_K_M.gguf-split-a", "m.Q5_K_M.gguf-split-b", "m.Q4_0.gguf-split-a", "m.Q4_0.gguf-split-c"});
  std::vector<bool> complete;
  for (const GgufVariant& variant : contents.variants) complete.push_back(variant.is_complete);
  EXPECT_THAT(complete, ElementsAre(false, false, true, false));
  EXPECT_EQ(contents.variants[0].parts_seen, 2U);
}

TEST_F(GgufVariantsTest, AVariantThatIsThereWholeAndInPartsIsOne) {
  const GgufContents& contents =
      Sort({"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf", "m-Q8_0.gguf", "m-Q4_0.gguf"});
  EXPECT_THAT(NamesIn(contents), ElementsAre("Q8_0", "Q4_0"));
  EXPECT_THAT(contents.variants[0].files, ElementsAre(2U));
  EXPECT_THAT(contents.copies, ElementsAre(std::pair(size_t{0}, size_t{0}), std::pair(size_t{1}, size_t{0})));
}

TEST_F(GgufVariantsTest, AWholeCopyIsPreferredToOneThatLacksParts) {
  const GgufContents& contents =
      Sort({"m-Q8_0-00001-of-00004.gguf", "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"});
  ASSERT_EQ(contents.variants.size(), 1U);
  EXPECT_TRUE(contents.variants[0].is_complete);
  EXPECT_EQ(contents.variants[0].parts, 2U);
}

TEST_F(GgufVariantsTest, NamesAreUniqueAndFindTheirVariant) {
  const std::vector<Files> repos = {
      {"m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-v2-Q4_K_M.gguf"},
      {"a-Q4_0.gguf", "b-Q4_0.gguf"},
      {"a/m-Q4_0.gguf", "b/m-Q4_0.gguf", "b/m-q8_0.gguf"},
      {"m.Q4_K_M.gguf", "m.i1-Q4_K_M.gguf", "m.i1-IQ2_M.gguf"},
      {"phi-2.gguf", "phi-3.gguf"},
      {"Q4_0/m.gguf", "m-Q4_0.gguf", "Q8_0/m.gguf"},
      {"m-Q4_K_M.gguf", "M-Q4_K_M.gguf"},
      {"m-Q4_K.gguf", "m-Q4_K_M.gguf"},
  };
  for (const Files& files : repos) {
    SCOPED_TRACE(files.front());
    for (const GgufVariant& variant : Sort(files).variants) {
      EXPECT_THAT(Named(variant.name), ElementsAre(variant.name));
      std::string lower = variant.name;
      for (char& c : lower) c = static_cast<char>(std::tolower(c));
      const bool differ_by_case = files.back() == "M-Q4_K_M.gguf";
      if (!differ_by_case) {
        EXPECT_THAT(Named(lower), ElementsAre(variant.name));
      }
    }
  }
}

TEST_F(GgufVariantsTest, TheRepoIsAboutTheModelWithTheMostVariants) {
  const GgufContents& contents = Sort({"m-Q4_K_M.gguf", "m.Q8_0.gguf", "m-v2-Q4_K_M.gguf"});
  EXPECT_TRUE(contents.has_main);
  EXPECT_THAT(NamesIn(contents), ElementsAre("Q4_K_M", "Q8_0", "m-v2-Q4_K_M"));
  EXPECT_FALSE(contents.variants[2].is_main);
  EXPECT_THAT(Named("q4_k_m"), ElementsAre("Q4_K_M"));
}

TEST_F(GgufVariantsTest, OfTwoModelsWithAsManyVariantsNoneIsMeant) {
  EXPECT_FALSE(Sort({"a-Q4_0.gguf", "a-Q8_0.gguf", "b-Q4_0.gguf", "b-Q8_0.gguf"}).has_main);
  EXPECT_THAT(Named("Q4_0"), ElementsAre("a-Q4_0", "b-Q4_0"));
  EXPECT_TRUE(Sort({"a-Q4_0.gguf", "a-Q8_0.gguf", "UD-Q4_K_XL/a-UD-Q4_K_XL.gguf"}).has_main);
  EXPECT_TRUE(Sort({"otter-8b-Q4_0.gguf", "Otter-Q8_0.gguf"}).has_main);
}

TEST_F(GgufVariantsTest, AnImatrixTellsTwoOfOneLabelApart) {
  EXPECT_THAT(NamesIn(Sort({"m.i1-Q4_K_M.gguf", "m.Q8_0.gguf"})), ElementsAre("Q4_K_M", "Q8_0"));
  Sort({"m.Q4_K_M.gguf", "m.i1-Q4_K_M.gguf"});
  EXPECT_THAT(Named("i1-q4_k_m"), ElementsAre("i1-Q4_K_M"));
}

TEST_F(GgufVariantsTest, SideCarsAreNoVariants) {
  const GgufContents& contents = Sort({"ggml-vocab-x.gguf", "imatrix.dat", "m-lora.gguf", "mmproj-F16.gguf"});
  EXPECT_THAT(contents.variants, IsEmpty());
  EXPECT_EQ(contents.projectors.size(), 1U);
  EXPECT_EQ(contents.others.size(), 3U);
}

TEST_F(GgufVariantsTest, SaysWhatTheUsualProgramsCannotLoad) {
  const GgufContents& contents = Sort({"m-Q4_K_M.gguf", "m-Q4_0_4_8.gguf", "m-IQ4_KSS.gguf", "m-Q7_K.gguf",
                                       "m-Q6_K.gguf.part1of2", "m-Q6_K.gguf.part2of2", "m.gguf"});
  std::vector<std::string> flaws;
  for (const GgufVariant& variant : contents.variants) flaws.emplace_back(FlawOf(variant));
  EXPECT_THAT(flaws, ElementsAre("", "its type was withdrawn: today's programs refuse it",
                                 "only a fork of llama.cpp can load it", "its type is not known",
                                 "its parts must be put together before anything can load it", ""));
}

TEST(LabelSupportTest, KnowsWhoLoadsWhat) {
  for (const char* const label :
       {"F32", "F16", "BF16", "Q8_0", "UD-Q8_K_XL", "Q6_K_L", "Q3_K_XL", "UD-IQ1_S", "IQ4_NL", "TQ1_0",
        "MXFP4_MOE", "NVFP4", "Q1_0", "Q4_K_XXL", "Q2_K_S", "Q4", ""}) {
    EXPECT_EQ(SupportOf(label), LabelSupport::kUsual) << label;
  }
  for (const char* const label : {"Q4_0_4_4", "Q4_0_8_8", "IQ4_NL_4_4"}) {
    EXPECT_EQ(SupportOf(label), LabelSupport::kWithdrawn) << label;
  }
  for (const char* const label :
       {"IQ4_K", "IQ4_KSS", "IQ1_KT", "IQ2_K_R4", "Q4_0_R8", "IQ4_XS_R8", "I2_S", "IQ2_BN", "Q6_0"}) {
    EXPECT_EQ(SupportOf(label), LabelSupport::kFork) << label;
  }
  for (const char* const label : {"Q9", "Q7_K", "F64", "Q8_K"}) {
    EXPECT_EQ(SupportOf(label), LabelSupport::kUnknown) << label;
  }
}

}  // namespace
}  // namespace batuta::pull
