#include "daemon/review/look_alikes.h"

#include <gmock/gmock.h>

namespace batuta::review {
namespace {

TEST(PlainFormTest, LettersOfOtherAlphabetsBecomeThoseTheyLookLike) {
  EXPECT_EQ(PlainForm("mеta-llаma"), "meta-llama");  // Cyrillic е and а
  EXPECT_EQ(PlainForm("gооglе"), "google");          // Cyrillic о, о, е
  EXPECT_EQ(PlainForm("οpenai"), "openai");          // Greek omicron
  EXPECT_EQ(PlainForm("ｇｏｏｇｌｅ"), "google");    // full width
  EXPECT_EQ(PlainForm("𝗺𝗶𝗰𝗿𝗼𝘀𝗼𝗳𝘁"), "rnicrosoft");   // mathematical: m is rn, as UTS 39 has it
  EXPECT_EQ(PlainForm("nvídia"), "nvidia");          // an accent
  EXPECT_EQ(PlainForm("nvi\u0301dia"), "nvidia");    // the same in two characters
}

TEST(PlainFormTest, WhatIsNotSeenGoes) {
  EXPECT_EQ(PlainForm("open\u200bai"), "openai");
  EXPECT_EQ(PlainForm("\u202eopenai\ufeff"), "openai");
}

TEST(PlainFormTest, TheRestStays) {
  EXPECT_EQ(PlainForm("Meta-Llama_3.1"), "Meta-Llama_3.1");
  EXPECT_EQ(PlainForm("日本"), "日本");
  EXPECT_EQ(PlainForm("a\xff\xc3"), "a\xff\xc3");
  EXPECT_EQ(PlainForm(""), "");
}

TEST(SkeletonTest, NamesThatAreHardToTellApartHaveOne) {
  EXPECT_EQ(Skeleton("meta-IIama"), Skeleton("meta-llama"));
  EXPECT_EQ(Skeleton("meta-11ama"), Skeleton("meta-llama"));
  EXPECT_EQ(Skeleton("0penai"), Skeleton("openai"));
  EXPECT_EQ(Skeleton("rnicrosoft"), Skeleton("microsoft"));
  EXPECT_EQ(Skeleton("Qvven"), Skeleton("qwen"));
  EXPECT_EQ(Skeleton("meta_llama"), Skeleton("MetaLlama"));
  EXPECT_EQ(Skeleton("о1-ai"), Skeleton("01-ai"));
}

TEST(SkeletonTest, OthersHaveNot) {
  EXPECT_NE(Skeleton("openai"), Skeleton("openal"));
  EXPECT_NE(Skeleton("google"), Skeleton("gogle"));
}

}  // namespace
}  // namespace batuta::review
