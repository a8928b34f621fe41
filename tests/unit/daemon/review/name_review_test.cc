#include "daemon/review/name_review.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "daemon/review/look_alikes.h"
#include "tests/unit/daemon/review/ordinary_namespaces.h"

namespace batuta::review {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const KnownNames& WellKnown() {
  static const KnownNames known;
  return known;
}

std::string ConfusedWith(std::string_view id) {
  return ReviewName(id, WellKnown()).confusable_with;
}

struct Attack {
  const char* id;
  const char* meant;
};

class AttackTest : public testing::TestWithParam<Attack> {};

TEST_P(AttackTest, IsSeen) {
  const NameReview review = ReviewName(GetParam().id, WellKnown());
  EXPECT_EQ(review.confusable_with, GetParam().meant);
  EXPECT_THAT(review.why, Not(IsEmpty()));
  EXPECT_FALSE(review.is_known);
}

INSTANTIATE_TEST_SUITE_P(LookAlikes, AttackTest,
                         testing::ValuesIn(std::vector<Attack>{
                             {"meta-IIama/Llama-3.1-8B", "meta-llama"},
                             {"meta-1lama/Llama-3.1-8B", "meta-llama"},
                             {"mеta-llama/Llama-3.1-8B", "meta-llama"},  // Cyrillic е
                             {"meta-llama\u200b/Llama-3.1-8B", "meta-llama"},
                             {"0penai/whisper-large-v3", "openai"},
                             {"openal/whisper-large-v3", "openai"},
                             {"0penA1/gpt-oss-20b", "openai"},
                             {"g00gle/gemma-2b", "google"},
                             {"goog1e/gemma-2b", "google"},
                             {"rnistralai/Mistral-7B-v0.1", "mistralai"},
                             {"mistralal/Mistral-7B-v0.1", "mistralai"},
                             {"rnicrosoft/phi-2", "microsoft"},
                             {"micros0ft/phi-2", "microsoft"},
                             {"Qvven/Qwen3-8B", "Qwen"},
                             {"O1-ai/Yi-34B", "01-ai"},
                             {"ol-ai/Yi-34B", "01-ai"},
                             {"ＤＥＥＰＳＥＥＫ-ai/DeepSeek-R1", "deepseek-ai"},
                             {"TheBIoke/Llama-2-7B-GGUF", "TheBloke"},
                             {"stabiIityai/sdxl-turbo", "stabilityai"},
                         }));

INSTANTIATE_TEST_SUITE_P(Joints, AttackTest,
                         testing::ValuesIn(std::vector<Attack>{
                             {"meta_llama/Llama-3.1-8B", "meta-llama"},
                             {"metallama/Llama-3.1-8B", "meta-llama"},
                             {"meta.llama/Llama-3.1-8B", "meta-llama"},
                             {"mistral-ai/Mistral-7B-v0.1", "mistralai"},
                             {"open-ai/gpt-oss-20b", "openai"},
                             {"deepseekai/DeepSeek-R1", "deepseek-ai"},
                             {"stability-ai/sdxl-turbo", "stabilityai"},
                             {"hugging-face/documentation-images", "huggingface"},
                             {"sentence_transformers/LaBSE", "sentence-transformers"},
                             {"black_forest_labs/FLUX.1-dev", "black-forest-labs"},
                             {"The-Bloke/Llama-2-7B-GGUF", "TheBloke"},
                         }));

INSTANTIATE_TEST_SUITE_P(Slips, AttackTest,
                         testing::ValuesIn(std::vector<Attack>{
                             {"mitsralai/Mistral-7B-v0.1", "mistralai"},
                             {"mistrlai/Mistral-7B-v0.1", "mistralai"},
                             {"meta-lama/Llama-3.1-8B", "meta-llama"},
                             {"meta-llma/Llama-3.1-8B", "meta-llama"},
                             {"metta-llama/Llama-3.1-8B", "meta-llama"},
                             {"meta-llamas/Llama-3.1-8B", "meta-llama"},
                             {"googel/gemma-2b", "google"},
                             {"gogle/gemma-2b", "google"},
                             {"facebok/opt-125m", "facebook"},
                             {"microsfot/phi-2", "microsoft"},
                             {"mircosoft/phi-2", "microsoft"},
                             {"nvidea/parakeet-tdt-0.6b-v2", "nvidia"},
                             {"tiuae/falcon-7b", "tiiuae"},
                             {"EluetherAI/pythia-70m", "EleutherAI"},
                             {"EleuterAI/pythia-70m", "EleutherAI"},
                             {"bigsience/bloom", "bigscience"},
                             {"huggingfcae/documentation-images", "huggingface"},
                             {"sentence-transformer/LaBSE", "sentence-transformers"},
                             {"sentense-transfomers/LaBSE", "sentence-transformers"},
                             {"deepsek-ai/DeepSeek-R1", "deepseek-ai"},
                             {"bartowksi/Llama-3.1-8B-GGUF", "bartowski"},
                             {"unslot/Llama-3.1-8B", "unsloth"},
                         }));

INSTANTIATE_TEST_SUITE_P(AddedAndMissingWords, AttackTest,
                         testing::ValuesIn(std::vector<Attack>{
                             {"openai-official/gpt-oss-20b", "openai"},
                             {"the-openai-team/gpt-oss-20b", "openai"},
                             {"qwen-official/Qwen3-8B", "Qwen"},
                             {"Qwen-hf/Qwen3-8B", "Qwen"},
                             {"qwen3/Qwen3-8B", "Qwen"},
                             {"google-ai/gemma-2b", "google"},
                             {"googleresearch/gemma-2b", "google"},
                             {"microsoft_research/phi-2", "microsoft"},
                             {"deepseek/DeepSeek-R1", "deepseek-ai"},
                             {"deepseek-official/DeepSeek-R1", "deepseek-ai"},
                             {"mistral/Mistral-7B-v0.1", "mistralai"},
                             {"nvidia-labs/canary-1b", "nvidia"},
                             {"meta-llama2/Llama-2-7b-hf", "meta-llama"},
                             {"meta-llama-3/Meta-Llama-3-8B", "meta-llama"},
                             {"real-meta-llama/Llama-3.1-8B", "meta-llama"},
                             {"meta-IIama-official/Llama-3.1-8B", "meta-llama"},
                             {"cohere-ai/c4ai-command-r-plus", "Cohere"},
                         }));

INSTANTIATE_TEST_SUITE_P(SwappedAndTorn, AttackTest,
                         testing::ValuesIn(std::vector<Attack>{
                             {"llama/meta-llama", "meta-llama"},
                             {"Llama-3.1-8B/meta-llama", "meta-llama"},
                             {"gemma/google", "google"},
                             {"whisper/openai", "openai"},
                             {"DeepSeek-R1/deepseek-ai", "deepseek-ai"},
                             {"meta/Llama-3.1-8B", "meta-llama"},
                             {"llama/Llama-3.3-70B-Instruct", "meta-llama"},
                             {"bert/bert-base-uncased", "google-bert"},
                             {"flux-black-forest-labs-dev/FLUX.1-dev", "black-forest-labs"},
                         }));

TEST(NameReviewTest, TheWellKnownAreNotMistakenForEachOther) {
  for (const KnownName& name : WellKnown().names()) {
    const NameReview review = ReviewName(name.name + "/model", WellKnown());
    EXPECT_TRUE(review.is_known) << name.name;
    EXPECT_EQ(review.confusable_with, "") << name.name;
  }
}

TEST(NameReviewTest, OrdinaryNamesAreNotMistakenForTheWellKnown) {
  std::set<std::string> alarms;
  for (const char* const name : kOrdinaryNamespaces) {
    for (const char* const repo : {"model", "Llama-3.1-8B-Instruct-GGUF", "my-bert-base-uncased"}) {
      const NameReview review = ReviewName(std::string(name) + "/" + repo, WellKnown());
      EXPECT_FALSE(review.is_known) << name;
      if (!review.why.empty())
        alarms.insert(std::string(name) + " for " + review.confusable_with + ": " + review.why);
    }
  }
  EXPECT_THAT(alarms, IsEmpty());
  EXPECT_GE(std::size(kOrdinaryNamespaces), 200u);
}

TEST(NameReviewTest, LetterCaseMakesNoOtherNamespace) {
  for (const char* const id :
       {"Meta-Llama/Llama-3.1-8B", "QWEN/Qwen3-8B", "thebloke/x", "OpenAI/whisper-tiny"}) {
    const NameReview review = ReviewName(id, WellKnown());
    EXPECT_TRUE(review.is_known) << id;
    EXPECT_EQ(review.why, "") << id;
  }
}

TEST(NameReviewTest, ARepoWithoutNamespaceIsNobodysTrick) {
  EXPECT_TRUE(ReviewName("gpt2", WellKnown()).is_known);
  EXPECT_TRUE(ReviewName("bert-base-uncased", WellKnown()).is_known);
}

TEST(NameReviewTest, SomebodysCopyOfAWellKnownRepoIsAFactAndNoReasonToRefuse) {
  const NameReview review = ReviewName("someone-else/Llama-3.1-8B", WellKnown());
  EXPECT_EQ(review.confusable_with, "");
  EXPECT_THAT(review.notes, Contains("the well-known repo of this name is meta-llama/Llama-3.1-8B"));
}

TEST(NameReviewTest, ANameThatHoldsAWellKnownOneIsAFactAndNoReasonToRefuse) {
  const NameReview review = ReviewName("friends-of-nvidia/canary", WellKnown());
  EXPECT_EQ(review.confusable_with, "");
  EXPECT_THAT(review.notes, Contains(HasSubstr("holds the name of nvidia")));
}

TEST(NameReviewTest, ARepoNamedLikeANamespaceIsAFactAndNoReasonToRefuse) {
  const NameReview review = ReviewName("someone-else/microsoft", WellKnown());
  EXPECT_EQ(review.confusable_with, "");
  EXPECT_THAT(review.notes, Contains(HasSubstr("microsoft is a well-known namespace")));
}

TEST(NameReviewTest, WhatTheCacheTrustsIsKnownAndCanBeMistaken) {
  KnownNames known;
  ASSERT_FALSE(ReviewName("acme/otter", known).is_known);
  known.Trust("acme");
  known.Trust("river-people");
  EXPECT_TRUE(ReviewName("acme/otter", known).is_known);
  EXPECT_TRUE(ReviewName("Acme/otter", known).is_known);
  for (const auto& [id, meant] :
       std::vector<std::pair<std::string, std::string>>{{"river_people/otter", "river-people"},
                                                        {"river-peopIe/otter", "river-people"},
                                                        {"river-poeple/otter", "river-people"},
                                                        {"acrne/otter", "acme"},
                                                        {"acme-official/otter", "acme"}}) {
    const NameReview review = ReviewName(id, known);
    EXPECT_EQ(review.confusable_with, meant) << id;
    EXPECT_TRUE(review.is_trusted) << id;
  }
}

TEST(NameReviewTest, NumberedSiblingsOfWhatIsTrustedAreNoTricks) {
  KnownNames known;
  for (const char* const name : {"team-1", "projects2024", "anna", "lab-a"}) known.Trust(name);
  for (const char* const id : {"team-2/x", "projects2025/x", "hanna/x", "anne/x", "lab-b/x"}) {
    EXPECT_EQ(ReviewName(id, known).confusable_with, "") << id;
  }
}

TEST(NameReviewTest, ThreeLettersHaveTooManyNeighbours) {
  EXPECT_EQ(ConfusedWith("abm/x"), "");
  EXPECT_EQ(ConfusedWith("ibn/x"), "");
  EXPECT_EQ(ConfusedWith("1bm/x"), "");
  EXPECT_EQ(ConfusedWith("and/x"), "");
}

TEST(NameReviewTest, TakesAnyText) {
  for (const std::string& text :
       {std::string(), std::string("/"), std::string("//"), std::string("a/b/c"), std::string("\xff/\xfe"),
        std::string(100'000, 'a') + "/" + std::string(100'000, 'b'), std::string("1/1"),
        std::string(" /x")}) {
    ReviewName(text, WellKnown());
  }
}

TEST(KnownNamesTest, TheListHoldsWhatItShould) {
  EXPECT_GE(WellKnown().names().size(), 300u);
  for (const KnownName& name : WellKnown().names()) {
    EXPECT_EQ(PlainForm(name.name), name.name);
    EXPECT_THAT(name.name, testing::MatchesRegex("[A-Za-z0-9][A-Za-z0-9._-]*"));
    for (const std::string& repo : name.repos) {
      EXPECT_THAT(repo, testing::MatchesRegex("[A-Za-z0-9][A-Za-z0-9._-]*")) << name.name;
    }
  }
}

}  // namespace
}  // namespace batuta::review
