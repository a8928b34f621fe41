#include "daemon/budget/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

TEST(IdentityOfTest, NamesNobodyAnonymous) {
  EXPECT_EQ(IdentityOf("salt", Secret()), "anonymous");
}

TEST(IdentityOfTest, IsASaltedFingerprint) {
  // printf %s hf_token | openssl dgst -sha256 -hmac salt
  EXPECT_EQ(IdentityOf("salt", Secret("hf_token")), "dfdc59c7c50e");
  EXPECT_NE(IdentityOf("other", Secret("hf_token")), IdentityOf("salt", Secret("hf_token")));
  EXPECT_NE(IdentityOf("salt", Secret("hf_tokem")), IdentityOf("salt", Secret("hf_token")));
  EXPECT_THAT(IdentityOf("", Secret("hf_token")), ::testing::SizeIs(12));
}

}  // namespace
}  // namespace batuta::budget
