#include "common/rpc/status_codec.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "batuta/v1/error.pb.h"

#include "common/status/status.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

absl::Status GatedError() {
  return MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "repo \"a/b\" is gated",
                   "ask for access on its page", {{"needed_bytes", "12"}, {"retry_after_ms", "37000"}});
}

v1::ErrorInfo InfoIn(const grpc::Status& status) {
  v1::RpcStatus wire;
  EXPECT_TRUE(wire.ParseFromString(status.error_details()));
  v1::ErrorInfo info;
  EXPECT_TRUE(wire.details_size() == 1 && info.ParseFromString(wire.details(0).value()));
  return info;
}

TEST(StatusCodecTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status()).ok());
}

TEST(StatusCodecTest, CarriesCodeMessageReasonHintAndFactsThereAndBack) {
  const absl::Status back = FromGrpcStatus(ToGrpcStatus(GatedError()));

  EXPECT_EQ(back.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(MessageOf(back), "repo \"a/b\" is gated");
  EXPECT_EQ(ReasonOf(back), reason::kRepoGated);
  EXPECT_EQ(HintOf(back), "ask for access on its page");
  EXPECT_EQ(DetailsOf(back).facts, (Facts{{"needed_bytes", "12"}, {"retry_after_ms", "37000"}}));
}

TEST(StatusCodecTest, EveryErrorCodeSurvives) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "x");
    EXPECT_EQ(static_cast<int>(ToGrpcStatus(status).error_code()), code);
    EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status)).code(), status.code());
  }
}

TEST(StatusCodecTest, SendsWhatStockHelpersOfGrpcDecode) {
  const grpc::Status wire = ToGrpcStatus(GatedError());
  v1::RpcStatus status;

  ASSERT_TRUE(status.ParseFromString(wire.error_details()));
  EXPECT_EQ(status.code(), 7);
  EXPECT_EQ(status.message(), wire.error_message());
  ASSERT_EQ(status.details_size(), 1);
  EXPECT_EQ(status.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_EQ(InfoIn(wire).domain(), "batuta");
  EXPECT_EQ(InfoIn(wire).metadata().at("hint"), "ask for access on its page");
}

TEST(StatusCodecTest, ToleratesDetailsThatAreAbsentDamagedOrForeign) {
  v1::RpcStatus foreign;
  foreign.add_details()->set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  v1::ErrorInfo other_domain;
  other_domain.set_reason("API_DISABLED");
  other_domain.set_domain("googleapis.com");
  v1::RpcStatus other;
  other.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  other.mutable_details(0)->set_value(other_domain.SerializeAsString());
  const std::vector<std::string> cases = {"", std::string("\xff\xff\xff garbage"), std::string(100'000, 'x'),
                                          foreign.SerializeAsString(), other.SerializeAsString()};
  for (const std::string& details : cases) {
    const absl::Status status = FromGrpcStatus(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", details));
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(MessageOf(status), "gone");
    EXPECT_EQ(ReasonOf(status), "");
  }
}

TEST(StatusCodecTest, AcceptsErrorInfoUnderItsOwnName) {
  v1::ErrorInfo info;
  info.set_reason("REPO_NOT_FOUND");
  info.set_domain("batuta");
  v1::RpcStatus wire;
  wire.add_details()->PackFrom(info);

  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", wire.SerializeAsString()));

  EXPECT_EQ(ReasonOf(status), reason::kRepoNotFound);
}

TEST(StatusCodecTest, CodesThatNoOneKnowsBecomeUnknown) {
  EXPECT_EQ(FromGrpcStatus(grpc::Status(grpc::StatusCode::DO_NOT_USE, "?")).code(),
            absl::StatusCode::kUnknown);
}

TEST(StatusCodecTest, KeepsTrailersBelowWhatPeersAllow) {
  Facts facts;
  for (int i = 0; i < 200; ++i) facts["fact" + std::to_string(i)] = std::string(100, 'v');
  std::string accents;
  for (int i = 0; i < 5000; ++i) accents += "é";
  for (const std::string& long_text : {accents, std::string(9000, 'x'), std::string(9000, '%')}) {
    const grpc::Status wire =
        ToGrpcStatus(MakeError(absl::StatusCode::kInternal, reason::kInternal, long_text, long_text, facts));

    const size_t encoded = wire.error_message().size() * (long_text.front() == 'x' ? 1 : 3);
    EXPECT_LE(encoded + wire.error_details().size() * 4 / 3, 7500u);
    EXPECT_TRUE(IsValidUtf8(wire.error_message()));
    EXPECT_TRUE(wire.error_message().ends_with("…"));
  }
}

TEST(StatusCodecTest, CutsNothingThatFits) {
  const std::string list(1900, 'x');
  const std::string longer(3900, 'x');

  EXPECT_EQ(MessageOf(FromGrpcStatus(ToGrpcStatus(absl::InternalError(list)))), list);
  EXPECT_EQ(MessageOf(FromErrorText(ToErrorText(absl::InternalError(longer)))), longer);
}

TEST(StatusCodecTest, MendsTextThatIsNotUtf8) {
  const absl::Status back = FromGrpcStatus(ToGrpcStatus(
      MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, "bad \xff byte", "hint \xc3")));

  EXPECT_EQ(MessageOf(back), "bad \uFFFD byte");
  EXPECT_EQ(HintOf(back), "hint \uFFFD");
  EXPECT_EQ(ReasonOf(back), reason::kHubProtocol);
}

TEST(StatusCodecTest, ErrorTextOfAJobCarriesEverything) {
  const absl::Status back = FromErrorText(ToErrorText(GatedError()));

  EXPECT_EQ(back.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(MessageOf(back), "repo \"a/b\" is gated");
  EXPECT_EQ(ReasonOf(back), reason::kRepoGated);
  EXPECT_EQ(HintOf(back), "ask for access on its page");
  EXPECT_EQ(DetailsOf(back).facts.at("needed_bytes"), "12");
  EXPECT_TRUE(FromErrorText(ToErrorText(absl::OkStatus())).ok());
}

TEST(StatusCodecTest, ErrorTextWithoutACodeIsStillAnError) {
  v1::RpcErrorText text;
  text.set_message("something broke");

  EXPECT_EQ(FromErrorText(text).code(), absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace batuta
