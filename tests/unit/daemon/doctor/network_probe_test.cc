#include "daemon/doctor/network_probe.h"

#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "common/sync/sequence.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::doctor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// The fake clock stands at 2026-11-02T08:15:30Z.
class NetworkProbeTest : public testing::Test {
 protected:
  ~NetworkProbeTest() override { runner_->Stop(); }

  NetworkFacts Probe(bool without_network = false) {
    return ProbeNetwork(subject_, http_, clock_, without_network);
  }

  Environment Variables() {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    };
  }

  const std::unique_ptr<Sequence> runner_ = Sequence::Start("test");
  FakeTransport http_{runner_.get()};
  FakeClock clock_;
  std::map<std::string, std::string, std::less<>> variables_;
  NetworkSubject subject_{.endpoint = "http://127.0.0.1:9",
                          .environment = Variables()};  // a number needs no resolver
};

TEST_F(NetworkProbeTest, AnAnswerOfAnyKindIsOne) {
  http_.On("http://127.0.0.1:9/").Reply(404, {{"Date", "Mon, 02 Nov 2026 08:15:20 GMT"}});
  const NetworkFacts facts = Probe();
  EXPECT_TRUE(facts.was_asked);
  EXPECT_EQ(facts.host, "127.0.0.1");
  EXPECT_EQ(facts.addresses, 1);
  EXPECT_EQ(facts.status, 404);
  EXPECT_THAT(facts.trouble, IsEmpty());
  EXPECT_EQ(facts.clock_ahead, std::chrono::seconds(10));
}

TEST_F(NetworkProbeTest, WhyNobodyAnsweredIsKept) {
  http_.On("http://127.0.0.1:9/")
      .Fail(MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable, "connection refused"));
  const NetworkFacts facts = Probe();
  EXPECT_THAT(facts.trouble, HasSubstr("connection refused"));
  EXPECT_FALSE(facts.clock_ahead.has_value());
}

TEST_F(NetworkProbeTest, ASpentWindowIsNoTrouble) {
  http_.On("http://127.0.0.1:9/")
      .Fail(MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, "used up"));
  EXPECT_TRUE(Probe().is_rate_limited);
}

TEST_F(NetworkProbeTest, NobodyIsCalledWhenThatIsNotWanted) {
  EXPECT_FALSE(Probe(/*without_network=*/true).was_asked);
  subject_.offline = true;
  EXPECT_THAT(Probe().why_not, HasSubstr("offline"));
  EXPECT_EQ(http_.RequestCount(), 0U);
}

TEST_F(NetworkProbeTest, ThroughAProxyItsNameIsLookedUp) {
  variables_["http_proxy"] = "http://mira:secret@127.0.0.2:3128";
  http_.On("http://127.0.0.1:9/").Reply(200);
  const NetworkFacts facts = Probe();
  EXPECT_EQ(facts.host, "127.0.0.2");
  EXPECT_EQ(facts.proxy, "http://mira:secret@127.0.0.2:3128");
}

TEST_F(NetworkProbeTest, AFileOfCertificatesHoldsSome) {
  const TempFolder folder;
  subject_.ca_file = (folder / "ca.pem").string();
  EXPECT_THAT(Probe(true).ca_trouble, HasSubstr("No such file"));
  std::ofstream(folder / "ca.pem") << "nothing\n";
  EXPECT_THAT(Probe(true).ca_trouble, HasSubstr("no certificate"));
  std::ofstream(folder / "ca.pem")
      << "# ours\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  EXPECT_THAT(Probe(true).ca_trouble, IsEmpty());
}

TEST_F(NetworkProbeTest, AVariableOfOtherToolsIsNoticed) {
  variables_["REQUESTS_CA_BUNDLE"] = "/etc/ca.pem";
  EXPECT_EQ(Probe(true).other_ca_variable, "REQUESTS_CA_BUNDLE");
  subject_.ca_file = "/etc/ca.pem";
  EXPECT_THAT(Probe(true).other_ca_variable, IsEmpty());
}

}  // namespace
}  // namespace batuta::doctor
