// The write side: repos, branches, tags, preupload, LFS, commits.
#include <gmock/gmock.h>

#include "tests/unit/hubsim/upload_fixture.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::StartsWith;

TEST_F(UploadTest, CreateRefusesTheTakenTheForeignAndTheAnonymous) {
  const RawAnswer taken = Post("/api/repos/create", R"({"name":"up","organization":"acme"})");
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(json::parse(taken.body).at("url"), sim_->endpoint() + "/acme/up");
  EXPECT_EQ(Post("/api/repos/create", R"({"name":"x","organization":"other"})").status, 403);
  EXPECT_EQ(Post("/api/repos/create", R"({"name":"x"})", {}).status, 401);
  EXPECT_EQ(Post("/api/repos/create", R"({"name":"x--y"})").status, 400);
  EXPECT_EQ(Post("/api/repos/create", R"({"name":"x","type":"space"})").status, 400);
  EXPECT_EQ(Post("/api/repos/create", "no json").status, 400);
}

TEST_F(UploadTest, MoveSettingsAndDeleteChangeTheRepo) {
  EXPECT_EQ(Post("/api/repos/move", R"({"fromRepo":"acme/up","toRepo":"mira/up","type":"model"})").status,
            200);
  EXPECT_EQ(Get(Url("/api/models/acme/up")).status, 307);
  EXPECT_EQ(Send({.method = "PUT",
                  .url = Url("/api/models/mira/up/settings"),
                  .headers = kMira,
                  .body = R"({"visibility":"private","gated":"auto"})"})
                .status,
            200);
  EXPECT_EQ(Get(Url("/api/models/mira/up")).status, 401);
  const RawRequest erase = {
      .method = "DELETE", .url = Url("/api/repos/delete"), .headers = kMira, .body = R"({"name":"up"})"};
  EXPECT_EQ(Send(erase).status, 200);
  EXPECT_EQ(Send(erase).status, 404);
}

TEST_F(UploadTest, BranchesTagsAndSquash) {
  const auto erase = [this](const std::string& what) {
    return Send({.method = "DELETE", .url = Url("/api/models/acme/up/" + what), .headers = kMira, .body = ""})
        .status;
  };
  const std::string first = MainCommit();
  EXPECT_EQ(Post("/api/models/acme/up/branch/side", "{}").status, 200);
  EXPECT_EQ(Post("/api/models/acme/up/branch/side", "{}").status, 409);
  EXPECT_EQ(Post("/api/models/acme/up/branch/bad", R"({"startingPoint":"none"})").status, 404);
  EXPECT_EQ(erase("branch/side"), 200);
  EXPECT_EQ(erase("branch/main"), 403);
  EXPECT_EQ(Post("/api/models/acme/up/tag/main", R"({"tag":"v1","message":"one"})").status, 200);
  EXPECT_EQ(Post("/api/models/acme/up/tag/main", R"({"tag":"v1"})").status, 409);
  EXPECT_EQ(erase("tag/v1"), 200);
  EXPECT_EQ(Post("/api/models/acme/up/branch/side", "{}", kStranger).status, 403);

  CommitLines({Head("two"), File("a.txt", "1")});
  EXPECT_EQ(Post("/api/models/acme/up/super-squash/main", R"({"message":"one again"})").status, 200);
  EXPECT_EQ(GetJson("/api/models/acme/up/commits/main").size(), 1U);
  EXPECT_EQ(Get(Url("/api/models/acme/up/revision/" + first)).Header("X-Error-Code"), "RevisionNotFound");
  EXPECT_EQ(*sim_->ReadFile(repo_, "main", "a.txt"), "1");
}

TEST_F(UploadTest, PreuploadDecidesModeIgnoreAndWhatIsThere) {
  CommitLines({Head("x"), File("same.txt", "same"), File(".gitignore", "*.log\nruns/\n!keep.log\n")});
  const json body = {
      {"files", json::array({{{"path", "w.safetensors"}, {"size", 10}, {"sample", Base64Encode("text")}},
                             {{"path", "a.txt"}, {"size", 4}, {"sample", Base64Encode("text")}},
                             {{"path", "big.txt"}, {"size", 5'000'000}, {"sample", ""}},
                             {{"path", "same.txt"}, {"size", 4}, {"sample", ""}},
                             {{"path", "x.log"}, {"size", 1}, {"sample", ""}},
                             {{"path", "keep.log"}, {"size", 1}, {"sample", ""}},
                             {{"path", "runs/a/b"}, {"size", 1}, {"sample", ""}}})}};

  const json files = json::parse(Post("/api/models/acme/up/preupload/main", body.dump()).body).at("files");

  EXPECT_EQ(files[0].at("uploadMode"), "lfs");
  EXPECT_EQ(files[1].at("uploadMode"), "regular");
  EXPECT_FALSE(files[1].contains("oid"));
  EXPECT_EQ(files[2].at("uploadMode"), "lfs");
  EXPECT_EQ(files[3].at("oid"), sim_->Stat(repo_, "main", "same.txt")->oid);
  EXPECT_EQ(files[4].at("shouldIgnore"), true);
  EXPECT_EQ(files[5].at("shouldIgnore"), false);
  EXPECT_EQ(files[6].at("shouldIgnore"), true);
  EXPECT_EQ(Post("/api/models/acme/up/preupload/main", R"({"files":[{"path":"../x","size":1}]})").status,
            422);
  EXPECT_EQ(Post("/api/models/acme/up/preupload/main", body.dump(), kStranger).status, 403);
  EXPECT_EQ(Post("/api/models/acme/up/preupload/main?create_pr=1", body.dump(), kStranger).status, 200);
}

TEST_F(UploadTest, BasicUploadVerifyAndCommit) {
  const std::string bytes(500, 'b');
  const std::string oid = Sha256Hex(bytes);
  const json actions = Batch(oid, bytes.size()).at("objects")[0].at("actions");
  const std::string href = actions.at("upload").at("href");
  const std::string verify =
      actions.at("verify").at("href").get<std::string>().substr(sim_->endpoint().size());
  const std::string claim = json({{"oid", oid}, {"size", bytes.size()}}).dump();

  EXPECT_THAT(href, StartsWith(sim_->cdn_endpoint()));
  EXPECT_EQ(Post(verify, claim).status, 404);
  EXPECT_EQ(Put(href, "wrong bytes").status, 400);
  EXPECT_EQ(Put(href, bytes).status, 200);
  EXPECT_EQ(Post(verify, claim).status, 200);
  EXPECT_EQ(Post(verify, json({{"oid", oid}, {"size", 1}}).dump()).status, 422);
  EXPECT_FALSE(Batch(oid, bytes.size()).at("objects")[0].contains("actions"));

  const json line = {{"key", "lfsFile"},
                     {"value", {{"path", "w.bin"}, {"algo", "sha256"}, {"oid", oid}, {"size", 500}}}};
  EXPECT_EQ(CommitLines({Head("Add"), line}).status, 200);
  EXPECT_EQ(GetFollowing(Url("/acme/up/resolve/main/w.bin")).body, bytes);
}

TEST_F(UploadTest, MultipartUploadNeedsEveryPartWithItsEtag) {
  const std::string bytes = GeneratedBytes("w.bin", {.size = 2500, .seed = 9});
  const std::string oid = Sha256Hex(bytes);
  const json batch = Batch(oid, bytes.size());
  const json upload = batch.at("objects")[0].at("actions").at("upload");
  EXPECT_EQ(batch.at("transfer"), "multipart");
  EXPECT_EQ(upload.at("header").at("chunk_size"), "1000");
  EXPECT_EQ(upload.at("header").size(), 4U);
  json parts = json::array();
  for (int part = 1; part <= 3; ++part) {
    const std::string key = "0000" + std::to_string(part);
    const RawAnswer put =
        Put(upload.at("header").at(key), bytes.substr(static_cast<std::size_t>(part - 1) * 1000, 1000));
    EXPECT_EQ(put.status, 200);
    parts.push_back({{"partNumber", part}, {"etag", put.Header("ETag")}});
  }
  const auto complete = [&](const json& list) {
    const std::string href = upload.at("href").get<std::string>().substr(sim_->endpoint().size());
    return Post(href, json({{"oid", oid}, {"parts", list}}).dump(), {}).status;
  };

  // What the first try was given no longer names the part.
  const RawAnswer again = Put(upload.at("header").at("00001"), bytes.substr(0, 1000));
  EXPECT_NE(again.Header("ETag"), parts[0].at("etag"));
  EXPECT_EQ(complete(parts), 400);
  parts[0]["etag"] = again.Header("ETag");
  EXPECT_EQ(complete(json::array({parts[0], parts[1]})), 400);
  EXPECT_EQ(complete(json::array({parts[0], parts[1], {{"partNumber", 3}, {"etag", ""}}})), 400);
  EXPECT_EQ(complete(parts), 200);
  EXPECT_EQ(complete(parts), 404);
  EXPECT_FALSE(Batch(oid, bytes.size()).at("objects")[0].contains("actions"));
}

TEST_F(UploadTest, LargeObjectWithoutMultipartSupportIsOnePut) {
  const json object = Batch(std::string(64, 'a'), 5000, json::array({"basic"})).at("objects")[0];

  EXPECT_FALSE(object.at("actions").at("upload").at("header").contains("chunk_size"));
  EXPECT_EQ(Batch("nonsense", 1).at("objects")[0].at("error").at("code"), 422);
}

TEST_F(UploadTest, CommitAddsDeletesAndReportsItsId) {
  const json first = json::parse(
      CommitLines({Head("One"), File("a.txt", "1"), File("runs/b", "2"), File("runs/c", "3")}).body);
  EXPECT_EQ(first.at("success"), true);
  EXPECT_EQ(first.at("commitOid"), MainCommit());
  EXPECT_THAT(first.at("commitUrl").get<std::string>(), EndsWith("/acme/up/commit/" + MainCommit()));

  const RawAnswer second = CommitLines({Head("Two"),
                                        {{"key", "deletedFile"}, {"value", {{"path", "a.txt"}}}},
                                        {{"key", "deletedFolder"}, {"value", {{"path", "runs/"}}}}});
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(GetJson("/api/models/acme/up/tree/main").size(), 1U);
  EXPECT_EQ(GetJson("/api/models/acme/up/commits/main")[0].at("title"), "Two");
}

TEST_F(UploadTest, ParentMismatchIs412AndChangesNothing) {
  const std::string parent = MainCommit();
  EXPECT_EQ(CommitLines({Head("One", parent.substr(0, 8)), File("a", "1")}).status, 200);
  const std::string now = MainCommit();

  EXPECT_EQ(CommitLines({Head("Two", parent), File("b", "2")}).status, 412);

  EXPECT_EQ(MainCommit(), now);
}

TEST_F(UploadTest, BadCommitsAre400AndChangeNothing) {
  const std::string before = MainCommit();

  EXPECT_EQ(CommitLines({File("a", "1")}).status, 400);
  EXPECT_EQ(CommitLines({Head(""), File("a", "1")}).status, 400);
  EXPECT_EQ(CommitLines({Head("x"), File("../a", "1")}).status, 400);
  EXPECT_EQ(CommitLines({Head("x"), File("README.md", "---\na: [1\n---\n")}).status, 400);
  EXPECT_EQ(CommitLines({Head("x"), {{"key", "deletedFile"}, {"value", {{"path", "none"}}}}}).status, 400);
  EXPECT_EQ(CommitLines(
                {Head("x"), {{"key", "lfsFile"}, {"value", {{"path", "w"}, {"oid", std::string(64, 'a')}}}}})
                .status,
            400);
  EXPECT_EQ(Post("/api/models/acme/up/commit/main", "not json").status, 400);
  EXPECT_EQ(Post("/api/models/acme/up/commit/none", Head("x").dump()).status, 404);
  EXPECT_EQ(MainCommit(), before);
}

TEST_F(UploadTest, StrangersMayOnlyOpenPullRequests) {
  const std::string before = MainCommit();

  EXPECT_EQ(CommitLines({Head("x"), File("a", "1")}, "", kStranger).status, 403);
  EXPECT_EQ(CommitLines({Head("x"), File("a", "1")}, "", {}).status, 401);
  const RawAnswer opened = CommitLines({Head("x"), File("a", "1")}, "?create_pr=1", kStranger);
  EXPECT_EQ(opened.status, 200);
  EXPECT_THAT(json::parse(opened.body).at("pullRequestUrl").get<std::string>(),
              EndsWith("/acme/up/discussions/1"));
  EXPECT_EQ(MainCommit(), before);
  EXPECT_EQ(*sim_->ReadFile(repo_, "refs/pr/1", "a"), "1");
}

TEST_F(UploadTest, ValidateYamlWarnsAndRefuses) {
  const auto validate = [this](const std::string& content) {
    return Post("/api/validate-yaml", json({{"content", content}, {"repoType", "model"}}).dump(), {});
  };
  const auto refuses = [&validate](const std::string& yaml) {
    const RawAnswer answer = validate("---\n" + yaml + "---\n");
    return answer.status == 400 && !json::parse(answer.body).at("errors").empty();
  };

  EXPECT_EQ(json::parse(validate("---\nlicense: mit\n---\n").body).at("warnings").size(), 0U);
  EXPECT_EQ(json::parse(validate("# no card").body).at("warnings").size(), 1U);
  EXPECT_EQ(json::parse(validate("---\nlicense: other\n---\n").body).at("warnings").size(), 1U);
  EXPECT_TRUE(refuses("a: [1\n"));
  EXPECT_TRUE(refuses("license: My own\n"));
  EXPECT_TRUE(refuses("base_model: ./checkpoints/7\n"));
  EXPECT_TRUE(refuses("language: English\n"));
  EXPECT_TRUE(
      refuses("model-index:\n- name: otter\n  results:\n  - task: {type: x}\n    metrics: [{type: f1}]\n"));
  EXPECT_FALSE(refuses(
      "license: mit\nlanguage: [en, de]\nbase_model: acme/otter\ntags: [a]\nmodel-index:\n- name: otter\n"
      "  results:\n  - task: {type: x}\n    dataset: {type: a, name: b}\n    metrics: [{type: f1, value: "
      "1}]\n"));
}

TEST_F(UploadTest, UploadOf8MegabytesIsSpooledAndComesBackWhole) {
  const std::string bytes = GeneratedBytes("w.bin", {.size = 8'000'000, .seed = 2});
  const std::string oid = Sha256Hex(bytes);
  const json object = Batch(oid, bytes.size(), json::array({"basic"})).at("objects")[0];

  EXPECT_EQ(Put(object.at("actions").at("upload").at("href"), bytes).status, 200);
  EXPECT_EQ(
      CommitLines({Head("x"), {{"key", "lfsFile"}, {"value", {{"path", "big.bin"}, {"oid", oid}}}}}).status,
      200);
  EXPECT_EQ(GetFollowing(Url("/acme/up/resolve/main/big.bin")).body, bytes);
}

}  // namespace
}  // namespace batuta::hubsim
