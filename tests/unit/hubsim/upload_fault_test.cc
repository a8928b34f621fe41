// What may go wrong while something is pushed: faults of uploads, limits, and pull requests.
#include <gmock/gmock.h>

#include "tests/unit/hubsim/upload_fixture.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class UploadFaultTest : public UploadTest {
 protected:
  UploadFaultTest()
      : UploadTest({.multipart_chunk_bytes = 4'000'000,
                    .kept_body_bytes = 1000,
                    .most_lfs_files = 2,
                    .most_inline_bytes = 3000,
                    .largest_inline_file = 2000,
                    .most_folder_entries = 5}) {}

  // The link for an object that is sent in one piece.
  std::string LinkFor(const std::string& bytes) {
    return Batch(Sha256Hex(bytes), bytes.size()).at("objects")[0].at("actions").at("upload").at("href");
  }

  bool IsStored(const std::string& bytes) {
    return !Batch(Sha256Hex(bytes), bytes.size()).at("objects")[0].contains("actions");
  }

  std::uint64_t ReceivedByCdn() const {
    std::uint64_t received = 0;
    for (const LoggedRequest& request : sim_->requests()) {
      if (request.listener == Listener::kCdn) received += request.body_bytes_received;
    }
    return received;
  }

  json Preupload(const json& files) {
    return json::parse(Post("/api/models/acme/up/preupload/main", json({{"files", files}}).dump()).body)
        .at("files");
  }

  const std::string bytes_ = GeneratedBytes("w.bin", {.size = 3'000'000, .seed = 3});
};

TEST_F(UploadFaultTest, CutUploadEndsTheConnectionAndStoresNothing) {
  const std::string link = LinkFor(bytes_);
  const FaultHandle cut =
      sim_->AddFault({.kind = FaultKind::kCutUpload, .listener = Listener::kCdn, .at_bytes = 1'000'000});
  // A body that ends before is none of its business.
  EXPECT_EQ(Put(LinkFor("short"), "short").status, 200);
  EXPECT_EQ(sim_->FaultHits(cut), 0);

  EXPECT_EQ(Put(link, bytes_).status, 0);

  EXPECT_EQ(ReceivedByCdn(), 1'000'000U + 5);
  EXPECT_FALSE(IsStored(bytes_));
  EXPECT_EQ(Put(link, bytes_).status, 200);
  EXPECT_TRUE(IsStored(bytes_));
}

TEST_F(UploadFaultTest, StalledAndSlowUploadsTakeTheirTime) {
  const std::string link = LinkFor(bytes_);
  const auto time = [&] {
    const auto begin = steady_clock::now();
    EXPECT_EQ(Put(link, bytes_).status, 200);
    return steady_clock::now() - begin;
  };
  sim_->AddFault({.kind = FaultKind::kStallUpload, .at_bytes = 2'000'000, .duration = milliseconds(150)});
  EXPECT_GE(time(), milliseconds(150));

  sim_->ClearFaults();
  sim_->AddFault({.kind = FaultKind::kSlowUpload, .bytes_per_second = 15'000'000});
  EXPECT_GE(time(), milliseconds(190));
}

TEST_F(UploadFaultTest, StatusEarlyAnswersBeforeTheBodyIsRead) {
  const std::string link = LinkFor(bytes_);
  sim_->AddFault({.kind = FaultKind::kStatusEarly, .method = "PUT", .status = 403, .body = "expired"});
  const RawAnswer answer =
      Send({.method = "PUT", .url = link, .headers = {{"Content-Length", "3000000"}}, .body = ""});

  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body, "expired");
  EXPECT_EQ(ReceivedByCdn(), 0U);
}

TEST_F(UploadFaultTest, LinksExpire) {
  const std::string fresh = LinkFor(bytes_);
  sim_->AddFault({.kind = FaultKind::kExpired, .path = "/lfs/objects/batch"});
  EXPECT_EQ(Put(LinkFor(bytes_), bytes_).status, 403);
  sim_->AddFault({.kind = FaultKind::kExpired, .listener = Listener::kCdn, .method = "PUT"});
  EXPECT_EQ(Put(fresh, bytes_).status, 403);
  EXPECT_EQ(Put(fresh, bytes_).status, 200);
  EXPECT_EQ(Put(fresh + "0", bytes_).status, 403);
}

TEST_F(UploadFaultTest, TokensDoNotBelongToTheStore) {
  const RawAnswer answer = Send({.method = "PUT", .url = LinkFor(bytes_), .headers = kMira, .body = bytes_});

  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(sim_->leaked_tokens(), 1U);
  EXPECT_FALSE(IsStored(bytes_));
}

TEST_F(UploadFaultTest, EtagOfAPartCanBeMissing) {
  sim_->AddFault({.kind = FaultKind::kDropHeader, .method = "PUT", .value = "ETag"});

  EXPECT_FALSE(Put(LinkFor(bytes_), bytes_).HasHeader("ETag"));
}

TEST_F(UploadFaultTest, PreuploadFlipsAndIgnoresTheFilesThatItIsScriptedFor) {
  sim_->AddFault({.kind = FaultKind::kFlipMode, .count = 2, .value = "*.txt"});
  sim_->AddFault({.kind = FaultKind::kIgnoreFile, .value = "b*"});
  const json asked = json::array({{{"path", "a.txt"}, {"size", 1}, {"sample", ""}},
                                  {{"path", "w.bin"}, {"size", 1}, {"sample", ""}},
                                  {{"path", "b.txt"}, {"size", 1}, {"sample", ""}}});

  const json files = Preupload(asked);

  EXPECT_EQ(files[0].at("uploadMode"), "lfs");
  EXPECT_EQ(files[1].at("uploadMode"), "lfs");
  EXPECT_EQ(files[2].at("uploadMode"), "lfs");
  EXPECT_EQ(files[0].at("shouldIgnore"), false);
  EXPECT_EQ(files[2].at("shouldIgnore"), true);
  EXPECT_EQ(Preupload(asked)[0].at("uploadMode"), "regular");
}

TEST_F(UploadFaultTest, BatchRefusesObjectsAndForgetsParts) {
  const std::string oid = Sha256Hex("refused");
  sim_->AddFault({.kind = FaultKind::kObjectError, .status = 422, .body = "too rude", .value = oid});
  sim_->AddFault({.kind = FaultKind::kMissingPart});

  const json refused = Batch(oid, 7).at("objects")[0];
  EXPECT_EQ(refused.at("error").at("code"), 422);
  EXPECT_EQ(refused.at("error").at("message"), "too rude");
  EXPECT_FALSE(refused.contains("actions"));
  const auto links = [this] {
    return Batch(Sha256Hex("three parts"), 12'000'000)
        .at("objects")[0]
        .at("actions")
        .at("upload")
        .at("header")
        .size();
  };
  EXPECT_EQ(links(), 3U);  // of which one is the chunk size
  EXPECT_EQ(links(), 4U);
}

TEST_F(UploadFaultTest, CommitThatSucceedsMayAnswer504) {
  const std::string before = MainCommit();
  sim_->AddFault({.kind = FaultKind::kStatusAfter, .path = "/commit/main", .status = 504});

  EXPECT_EQ(CommitLines({Head("Lost answer"), File("a.txt", "1")}).status, 504);

  EXPECT_NE(MainCommit(), before);
  EXPECT_EQ(GetJson("/api/models/acme/up/commits/main")[0].at("title"), "Lost answer");
}

TEST_F(UploadFaultTest, CommitsHaveLimits) {
  const std::string before = MainCommit();
  const auto lfs = [](const std::string& path, const std::string& bytes) {
    return json{{"key", "lfsFile"}, {"value", {{"path", path}, {"oid", Sha256Hex(bytes)}}}};
  };
  EXPECT_EQ(Put(LinkFor("x"), "x").status, 200);

  EXPECT_THAT(CommitLines({Head("x"), lfs("a", "x"), lfs("b", "x"), lfs("c", "x")}).body,
              HasSubstr("too many LFS files"));
  EXPECT_EQ(CommitLines({Head("x"), File("a", std::string(2001, 'x'))}).status, 400);
  EXPECT_EQ(
      CommitLines({Head("x"), File("a", std::string(1999, 'x')), File("b", std::string(1999, 'y'))}).status,
      413);
  std::vector<json> lines = {Head("x")};
  for (int i = 0; i < 6; ++i) lines.push_back(File("many/" + std::to_string(i), "1"));
  EXPECT_THAT(CommitLines(lines).body, HasSubstr("too many entries"));
  EXPECT_EQ(MainCommit(), before);
}

TEST_F(UploadFaultTest, NamesThatTheHubRefuses) {
  for (const std::string& name : {std::string("a/.git/b"), std::string(256, 'n'), std::string("a\tb"),
                                  std::string("a\\b"), std::string("a//b"), std::string("/a")}) {
    EXPECT_EQ(CommitLines({Head("x"), File(name, "1")}).status, 400) << name;
    const json body = {{"files", json::array({{{"path", name}, {"size", 1}, {"sample", ""}}})}};
    EXPECT_EQ(Post("/api/models/acme/up/preupload/main", body.dump()).status, 422) << name;
  }
  EXPECT_EQ(CommitLines({Head("x"), File("ä b+c#?%20", "1")}).status, 200);
}

TEST_F(UploadFaultTest, PullRequestIsOpenedFirstAndFilledLater) {
  const auto talk = [this](const std::string& what, const json& body, const Fields& who) {
    return Post("/api/models/acme/up/discussions" + what, body.dump(), who);
  };
  const auto commit_to_pr = [this](const Fields& who) {
    return Send({.method = "POST",
                 .url = Url("/api/models/acme/up/commit/refs%2Fpr%2F1"),
                 .headers = who,
                 .body = Head("Part 1").dump() + "\n" + File("p.txt", "p").dump()})
        .status;
  };
  EXPECT_EQ(talk("", {{"title", "Weights"}, {"pullRequest", true}}, {}).status, 401);
  EXPECT_EQ(talk("", {{"title", "W"}, {"pullRequest", true}}, kStranger).status, 400);

  const json opened = json::parse(
      talk("", {{"title", "Weights"}, {"description", "d"}, {"pullRequest", true}}, kStranger).body);
  EXPECT_EQ(opened.at("num"), 1);
  EXPECT_EQ(opened.at("status"), "draft");
  EXPECT_EQ(commit_to_pr({}), 401);
  EXPECT_EQ(commit_to_pr(kStranger), 200);
  EXPECT_EQ(talk("/1/status", {{"status", "open"}}, kStranger).status, 200);
  EXPECT_EQ(GetJson("/api/models/acme/up/discussions/1").at("status"), "open");
  EXPECT_EQ(talk("/1/merge", json::object(), kStranger).status, 403);
  EXPECT_FALSE(sim_->Stat(repo_, "main", "p.txt").ok());

  EXPECT_EQ(talk("/1/merge", json::object(), kMira).status, 200);
  EXPECT_EQ(*sim_->ReadFile(repo_, "main", "p.txt"), "p");
  EXPECT_EQ(GetJson("/api/models/acme/up/discussions/1").at("changes").at("mergeCommitId"), MainCommit());
  EXPECT_EQ(json::parse(talk("", {{"title", "Just talk"}}, kStranger).body).at("num"), 2);
  EXPECT_EQ(GetJson("/api/models/acme/up/discussions?type=pull_request").at("count"), 1);
}

TEST_F(UploadFaultTest, SmallBodiesAreKeptInTheLog) {
  Preupload(json::array({{{"path", "a"}, {"size", 1}, {"sample", "c2FtcGxl"}}}));
  Put(LinkFor(bytes_), bytes_);

  const HubSim::Log log = sim_->requests();

  EXPECT_THAT(log[log.size() - 3].body.value_or(""), HasSubstr("c2FtcGxl"));
  EXPECT_FALSE(log.back().body.has_value());
  EXPECT_EQ(log.back().body_bytes_received, bytes_.size());
}

}  // namespace
}  // namespace batuta::hubsim
