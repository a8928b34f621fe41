// Each fault does what its name says, on the requests it is scripted for, and no more often.
#include <thread>

#include <gmock/gmock.h>
#include <zlib.h>

#include "tests/hubsim/fault_json.h"
#include "tests/unit/hubsim/hub_fixture.h"

namespace batuta::hubsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kSize = 6'000'000;

class FaultTest : public HubTest {
 protected:
  FaultTest() {
    MakeRepo("acme/otter",
             {{"config.json", "0123456789"}, {"model.bin", Generated{.size = kSize, .seed = 5}}});
    link_ = Get(File("model.bin")).Header("Location");
    bytes_ = GeneratedBytes("model.bin", {.size = kSize, .seed = 5});
  }

  std::string File(const std::string& path) const { return Url("/acme/otter/resolve/main/" + path); }

  std::string link_;   // the signed CDN link to model.bin
  std::string bytes_;  // its content
};

TEST_F(FaultTest, CutEndsTheConnectionAfterSoManyBytes) {
  const FaultHandle cut = sim_->AddFault({.kind = FaultKind::kCut, .path = "model.bin", .at_bytes = 1000});

  // Neither the redirect nor a HEAD has a body to cut.
  EXPECT_EQ(Get(File("model.bin")).status, 302);
  EXPECT_EQ(Head(link_).status, 200);
  EXPECT_EQ(sim_->FaultHits(cut), 0);

  const RawAnswer harmed = Get(link_);
  EXPECT_TRUE(harmed.is_cut);
  EXPECT_FALSE(harmed.was_reset);
  EXPECT_EQ(harmed.Header("Content-Length"), std::to_string(kSize));
  EXPECT_EQ(harmed.body, bytes_.substr(0, 1000));
  EXPECT_EQ(sim_->FaultHits(cut), 1);
  EXPECT_EQ(Get(link_).body, bytes_);
}

TEST_F(FaultTest, CutCountsFromTheStartOfARange) {
  sim_->AddFault({.kind = FaultKind::kCut, .listener = Listener::kCdn, .at_bytes = 10});

  EXPECT_EQ(Get(link_, {{"Range", "bytes=100-199"}}).body, bytes_.substr(100, 10));
}

TEST_F(FaultTest, SkipAndCountChooseTheRequests) {
  const FaultHandle burst =
      sim_->AddFault({.kind = FaultKind::kStatus, .path = "/api/*", .skip = 1, .count = 2, .status = 503});
  const auto status = [this] { return Get(Url("/api/models/acme/otter")).status; };

  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 503);
  EXPECT_EQ(status(), 503);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(sim_->FaultHits(burst), 2);

  sim_->AddFault({.kind = FaultKind::kStatus, .method = "POST", .count = kAlways, .status = 500});
  EXPECT_EQ(status(), 200);
  sim_->AddFault({.kind = FaultKind::kStatus, .count = kAlways, .status = 500});
  EXPECT_EQ(status(), 500);
  sim_->ClearFaults();
  EXPECT_EQ(status(), 200);
}

TEST_F(FaultTest, StatusHasScriptedHeadersAndNoEffect) {
  sim_->AddFault({.kind = FaultKind::kStatus,
                  .path = "/api/models/acme/otter",
                  .status = 429,
                  .headers = {{"RateLimit", R"("api";r=0;t=2)"}, {"Retry-After", "3"}},
                  .body = R"({"error":"slow down"})"});

  const RawAnswer answer = Get(Url("/api/models/acme/otter"));

  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.Header("RateLimit"), R"("api";r=0;t=2)");
  EXPECT_EQ(answer.Header("Retry-After"), "3");
  EXPECT_EQ(answer.body, R"({"error":"slow down"})");
}

TEST_F(FaultTest, StatusAfterLetsTheRequestTakeEffect) {
  sim_->AddFault({.kind = FaultKind::kStatusAfter, .path = "/api/repos/create", .status = 504});

  EXPECT_EQ(Post("/api/repos/create", R"({"name":"new","organization":"acme"})").status, 504);
  EXPECT_EQ(Get(Url("/api/models/acme/new")).status, 200);
}

TEST_F(FaultTest, StallSendsNothingUntilTheServerStops) {
  sim_->AddFault({.kind = FaultKind::kStall, .listener = Listener::kCdn, .at_bytes = 5000});
  RawAnswer answer;
  std::thread client([&] { answer = Get(link_); });
  const bool has_stalled = sim_->WaitFor(
      [](const HubSim::Log& log) { return !log.empty() && log.back().body_bytes_sent == 5000; }, seconds(10));

  sim_->Stop();
  client.join();

  EXPECT_TRUE(has_stalled);
  EXPECT_EQ(answer.body, bytes_.substr(0, 5000));
  EXPECT_TRUE(answer.is_cut);
}

TEST_F(FaultTest, StallWithADurationGoesOnAfterwards) {
  sim_->AddFault({.kind = FaultKind::kStall,
                  .listener = Listener::kCdn,
                  .at_bytes = 5000,
                  .duration = milliseconds(200)});
  const auto start = steady_clock::now();

  EXPECT_EQ(Get(link_).body, bytes_);

  EXPECT_GE(steady_clock::now() - start, milliseconds(200));
}

TEST_F(FaultTest, StallEndsWhenTheClientLeaves) {
  sim_->AddFault({.kind = FaultKind::kStall, .listener = Listener::kCdn, .at_bytes = 5000});

  Send({.url = link_, .headers = {}, .body = "", .stop_after = 5000});

  EXPECT_TRUE(sim_->WaitFor(
      [](const HubSim::Log& log) { return log.back().listener == Listener::kCdn && log.back().is_over; },
      seconds(10)));
  EXPECT_FALSE(sim_->requests().back().is_finished);
}

TEST_F(FaultTest, SlowKeepsToItsRate) {
  sim_->AddFault({.kind = FaultKind::kSlow, .listener = Listener::kCdn, .bytes_per_second = 50'000});
  const auto start = steady_clock::now();

  EXPECT_EQ(Get(link_, {{"Range", "bytes=0-19999"}}).body, bytes_.substr(0, 20'000));

  EXPECT_GE(steady_clock::now() - start, milliseconds(350));
}

TEST_F(FaultTest, LatencyComesBeforeTheHead) {
  sim_->AddFault({.kind = FaultKind::kLatency, .path = "config.json", .duration = milliseconds(200)});
  const auto start = steady_clock::now();

  EXPECT_EQ(Head(File("config.json")).status, 307);

  EXPECT_GE(steady_clock::now() - start, milliseconds(200));
}

TEST_F(FaultTest, ContentLengthIsWrongInBothDirections) {
  sim_->AddFault({.kind = FaultKind::kContentLength, .listener = Listener::kCdn, .amount = 100});
  const RawAnswer longer = Get(link_);
  EXPECT_EQ(longer.Header("Content-Length"), std::to_string(kSize + 100));
  EXPECT_EQ(longer.body.size(), kSize);

  sim_->AddFault({.kind = FaultKind::kContentLength, .listener = Listener::kCdn, .amount = -100});
  EXPECT_EQ(Get(link_).Header("Content-Length"), std::to_string(kSize - 100));
}

TEST_F(FaultTest, FlipChangesOneByteOfTheFileInWhicheverRangeHasIt) {
  sim_->AddFault({.kind = FaultKind::kFlipByte, .path = "model.bin", .at_bytes = 1500});

  EXPECT_EQ(Get(link_, {{"Range", "bytes=0-999"}}).body, bytes_.substr(0, 1000));
  std::string harmed = Get(link_, {{"Range", "bytes=1000-1999"}}).body;
  EXPECT_NE(harmed[500], bytes_[1500]);
  harmed[500] = bytes_[1500];
  EXPECT_EQ(harmed, bytes_.substr(1000, 1000));
  EXPECT_EQ(Get(link_, {{"Range", "bytes=1000-1999"}}).body, bytes_.substr(1000, 1000));
}

TEST_F(FaultTest, EtagIsReplacedWhereThereIsOne) {
  sim_->AddFault({.kind = FaultKind::kEtag, .listener = Listener::kHub, .value = "W/\"../../evil\""});

  EXPECT_EQ(Get(Url("/api/telemetry/x")).status, 200);
  EXPECT_EQ(Head(File("model.bin")).Header("X-Linked-ETag"), "W/\"../../evil\"");
}

TEST_F(FaultTest, NewContentHasOtherBytesAndAnotherEtag) {
  const std::string before = Head(link_).Header("ETag");
  sim_->AddFault({.kind = FaultKind::kNewContent, .listener = Listener::kCdn, .skip = 1, .count = kAlways});

  EXPECT_EQ(Get(link_, {{"Range", "bytes=0-99"}}).body, bytes_.substr(0, 100));
  const RawAnswer after = Get(link_, {{"Range", "bytes=100-199"}});
  EXPECT_NE(after.body, bytes_.substr(100, 100));
  EXPECT_NE(after.Header("ETag"), before);
  EXPECT_EQ(Get(link_, {{"Range", "bytes=100-199"}, {"If-Range", before}}).status, 200);

  const std::string linked = Head(File("model.bin")).Header("X-Linked-ETag");
  sim_->AddFault({.kind = FaultKind::kNewContent, .listener = Listener::kHub});
  EXPECT_NE(Head(File("model.bin")).Header("X-Linked-ETag"), linked);
}

TEST_F(FaultTest, IgnoredRangeIs200WithTheWholeFile) {
  sim_->AddFault({.kind = FaultKind::kIgnoreRange, .path = "model.bin"});

  EXPECT_EQ(Get(link_).status, 200);  // no range asked, nothing to ignore
  const RawAnswer harmed = Get(link_, {{"Range", "bytes=10-"}});
  EXPECT_EQ(harmed.status, 200);
  EXPECT_EQ(harmed.body, bytes_);
  EXPECT_EQ(Get(link_, {{"Range", "bytes=10-"}}).status, 206);
}

TEST_F(FaultTest, WrongRangeIsOffBySoMuch) {
  sim_->AddFault({.kind = FaultKind::kWrongRange, .path = "model.bin", .amount = -5});

  const RawAnswer harmed = Get(link_, {{"Range", "bytes=100-109"}});

  EXPECT_EQ(harmed.status, 206);
  EXPECT_EQ(harmed.Header("Content-Range"), "bytes 95-104/6000000");
  EXPECT_EQ(harmed.body, bytes_.substr(95, 10));
}

TEST_F(FaultTest, ExpiredLinkIs403OnTheCdn) {
  sim_->AddFault({.kind = FaultKind::kExpired, .listener = Listener::kCdn});

  const RawAnswer refused = Get(link_);

  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("Request has expired"));
  EXPECT_EQ(Get(link_).status, 200);
}

TEST_F(FaultTest, GarbageJsonIs200AndNoJson) {
  sim_->AddFault({.kind = FaultKind::kGarbageJson, .path = "/api/models/acme/otter"});

  EXPECT_TRUE(GetJson("/api/models/acme/otter").is_discarded());
  EXPECT_EQ(GetJson("/api/models/acme/otter").at("id"), "acme/otter");
}

TEST_F(FaultTest, EndlessBodyIsAValidArrayOfAboutThatLength) {
  sim_->AddFault({.kind = FaultKind::kEndlessBody, .path = "/tree/", .at_bytes = 1'000'000});

  const RawAnswer answer = Get(Url("/api/models/acme/otter/tree/main"));

  EXPECT_GE(answer.body.size(), 1'000'000U);
  EXPECT_LT(answer.body.size(), 1'200'000U);
  EXPECT_FALSE(answer.is_cut);
  EXPECT_TRUE(nlohmann::json::parse(answer.body, nullptr, false).is_array());
}

TEST_F(FaultTest, EndlessBodyOfManyGigabytesEndsWithItsReader) {
  sim_->AddFault({.kind = FaultKind::kEndlessBody, .at_bytes = 1ULL << 40U});

  Send({.url = Url("/api/models"), .headers = {}, .body = "", .stop_after = 10'000'000});

  EXPECT_TRUE(sim_->WaitFor([](const HubSim::Log& log) { return log.back().is_over; }, seconds(10)));
}

TEST_F(FaultTest, RedirectLoopNeverArrives) {
  sim_->AddFault({.kind = FaultKind::kRedirectLoop, .path = "config.json", .count = kAlways});

  const RawAnswer answer = GetFollowing(File("config.json"));

  EXPECT_EQ(answer.status, 307);
  EXPECT_THAT(answer.Header("Location"), HasSubstr("loop=10"));
}

TEST_F(FaultTest, HeaderBombHasManyOrHugeHeaders) {
  sim_->AddFault({.kind = FaultKind::kHeaderBomb, .path = "/api/", .at_bytes = 1000, .amount = 3000});

  EXPECT_GT(Get(Url("/api/models")).headers.size(), 3000U);
}

TEST_F(FaultTest, HeadersAreSetAsSpelledAndDropped) {
  sim_->AddFault({.kind = FaultKind::kDropHeader, .path = "model.bin", .value = "x-repo-commit"});
  EXPECT_FALSE(Head(File("model.bin")).HasHeader("X-Repo-Commit"));

  sim_->AddFault({.kind = FaultKind::kSetHeader, .path = "model.bin", .headers = {{"rAtElImIt", "odd"}}});
  const RawAnswer answer = Head(File("model.bin"));
  EXPECT_EQ(answer.Header("RateLimit"), "odd");
  EXPECT_THAT(answer.headers, ::testing::Contains(::testing::Pair("rAtElImIt", "odd")));
}

TEST_F(FaultTest, DroppedLengthMakesTheEndOfTheConnectionTheEnd) {
  sim_->AddFault({.kind = FaultKind::kDropHeader, .listener = Listener::kCdn, .value = "Content-Length"});

  const RawAnswer answer = Get(link_);

  EXPECT_FALSE(answer.HasHeader("Content-Length"));
  EXPECT_EQ(answer.body, bytes_);
}

TEST_F(FaultTest, GzipComesAlthoughIdentityWasAsked) {
  sim_->AddFault({.kind = FaultKind::kGzip, .path = "config.json"});

  const RawAnswer answer = GetFollowing(File("config.json"), {{"Accept-Encoding", "identity"}});

  EXPECT_EQ(answer.Header("Content-Encoding"), "gzip");
  std::string plain(100, '\0');
  z_stream stream{};
  std::string packed = answer.body;
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(plain.substr(0, stream.total_out), "0123456789");
  inflateEnd(&stream);
}

TEST_F(FaultTest, ResetsComeBeforeAnyAnswer) {
  sim_->AddFault({.kind = FaultKind::kReset, .path = "config.json"});
  const RawAnswer reset = Get(File("config.json"));
  EXPECT_EQ(reset.status, 0);
  EXPECT_TRUE(reset.was_reset);
  EXPECT_EQ(sim_->requests().back().status, 0);

  sim_->AddFault({.kind = FaultKind::kResetAtAccept, .listener = Listener::kHub});
  const std::size_t logged = sim_->requests().size();
  EXPECT_EQ(Get(File("config.json")).status, 0);
  EXPECT_EQ(sim_->requests().size(), logged);
  EXPECT_EQ(Head(File("config.json")).status, 307);
}

TEST(FaultJsonTest, ReadsEveryFieldAndRefusesWhatItDoesNotKnow) {
  const auto rules = ParseFaults(
      R"([{"kind":"slow","listener":"cdn","path":"*.bin","count":"always","bytes_per_second":9},
          {"kind":"status","status":503,"headers":{"Retry-After":"1"},"skip":2,"count":3,"method":"GET"}])");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ((*rules)[0].kind, FaultKind::kSlow);
  EXPECT_EQ((*rules)[0].listener, Listener::kCdn);
  EXPECT_EQ((*rules)[0].count, kAlways);
  EXPECT_EQ((*rules)[0].bytes_per_second, 9U);
  EXPECT_EQ((*rules)[1].headers[0].second, "1");
  EXPECT_EQ((*rules)[1].skip, 2);

  for (const char* wrong : {"", "7", R"({"kind":"explode"})", R"({"kind":"cut","at_byte":5})",
                            R"({"kind":"cut","listener":"moon"})"}) {
    EXPECT_EQ(ParseFaults(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

}  // namespace
}  // namespace batuta::hubsim
