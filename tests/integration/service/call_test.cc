#include "daemon/service/call.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "common/rpc/metadata_keys.h"
#include "tests/integration/service/service_fixture.h"

namespace batuta::service {

namespace {

TEST(IsTokenShapedTest, TakesVisibleAsciiOfModerateLength) {
  EXPECT_TRUE(IsTokenShaped("hf_abcXYZ0189"));
  EXPECT_TRUE(IsTokenShaped("!~"));
  EXPECT_TRUE(IsTokenShaped(std::string(1'024, 'x')));
  EXPECT_FALSE(IsTokenShaped(""));
  EXPECT_FALSE(IsTokenShaped(std::string(1'025, 'x')));
  const std::vector<std::string> bad_tokens = {"hf a", " hf",    "hf\n",       "hf\r\nX: y",
                                               "hf\t", "hf\x7f", "hf\xc3\xa9", std::string("h\0f", 3)};
  for (const std::string& bad : bad_tokens) {
    EXPECT_FALSE(IsTokenShaped(bad)) << testing::PrintToString(bad);
  }
}

class CallTest : public ServiceFixture {
 protected:
  // The access that the hub is asked with when the call brings this metadata.
  hub::Access AccessWith(const std::string& token, const std::string& tool, uint32_t uid = kOwner) {
    CallContext context;
    if (!token.empty()) context.AddMetadata(kHubTokenKey, token);
    if (!tool.empty()) context.AddMetadata(kToolKey, tool);
    const size_t asked = hub_.questions();
    v1::SearchRequest request;
    request.set_type(v1::REPO_TYPE_MODEL);
    v1::SearchResponse response;
    auto stub = v1::HubService::NewStub(Connect(uid));
    std::thread answer([this, asked] {
      if (hub_.WaitForQuestions(asked + 1)) hub_.Answer();
    });
    const grpc::Status status = stub->Search(&context, request, &response);
    answer.join();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return hub_.last_access();
  }
};

TEST_F(CallTest, CallerIsThePeerOfTheConnectionWithTheTokenAndNameHeBrought) {
  const hub::Access access = AccessWith("hf_secret", "trainer", kStranger);
  EXPECT_EQ(access.principal.uid, kStranger);
  EXPECT_EQ(access.principal.tool, "trainer");
  EXPECT_EQ(access.token.Reveal(), "hf_secret");
  EXPECT_EQ(access.priority, Priority::kInteractive);
  EXPECT_FALSE(access.may_wait);
}

TEST_F(CallTest, WithoutMetadataHeIsAnonymous) {
  const hub::Access access = AccessWith("", "");
  EXPECT_EQ(access.principal.uid, kOwner);
  EXPECT_EQ(access.principal.tool, "");
  EXPECT_TRUE(access.token.empty());
}

TEST_F(CallTest, TokenThatCannotStandInAHeaderIsNone) {
  EXPECT_TRUE(AccessWith("hf secret", "").token.empty());
  EXPECT_TRUE(AccessWith(std::string(1'025, 'x'), "").token.empty());
  EXPECT_EQ(AccessWith(std::string(1'024, 'x'), "").token.Reveal().size(), 1'024);
}

TEST_F(CallTest, NameThatIsTooLongIsNone) {
  EXPECT_EQ(AccessWith("", std::string(64, 'n')).principal.tool.size(), 64);
  EXPECT_EQ(AccessWith("", std::string(65, 'n')).principal.tool, "");
}

}  // namespace

}  // namespace batuta::service
