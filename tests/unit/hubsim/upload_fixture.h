// A running hub with an empty repo acme/up, and the calls of a push.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/hubsim/net/url.h"
#include "tests/hubsim/store/hashing.h"
#include "tests/unit/hubsim/hub_fixture.h"

namespace batuta::hubsim {

class UploadTest : public HubTest {
 protected:
  explicit UploadTest(const Options& options = {.multipart_chunk_bytes = 1000}) : HubTest(options) {
    EXPECT_EQ(Post("/api/repos/create", R"({"name":"up","organization":"acme"})").status, 200);
  }

  RawAnswer CommitLines(const std::vector<nlohmann::json>& lines, const std::string& query = "",
                        const Fields& who = kMira) {
    std::string body;
    for (const nlohmann::json& line : lines) body += line.dump() + "\n";
    Fields headers = who;
    headers.emplace_back("Content-Type", "application/x-ndjson");
    return Send({.method = "POST",
                 .url = Url("/api/models/acme/up/commit/main" + query),
                 .headers = std::move(headers),
                 .body = body});
  }

  static nlohmann::json Head(const std::string& summary, const std::string& parent = "") {
    nlohmann::json value = {{"summary", summary}};
    if (!parent.empty()) value["parentCommit"] = parent;
    return {{"key", "header"}, {"value", value}};
  }

  static nlohmann::json File(const std::string& path, const std::string& content) {
    return {{"key", "file"},
            {"value", {{"path", path}, {"encoding", "base64"}, {"content", Base64Encode(content)}}}};
  }

  nlohmann::json Batch(const std::string& oid, std::size_t size,
                       const nlohmann::json& transfers = nlohmann::json::array({"basic", "multipart"})) {
    const nlohmann::json body = {{"operation", "upload"},
                                 {"transfers", transfers},
                                 {"objects", nlohmann::json::array({{{"oid", oid}, {"size", size}}})}};
    const RawAnswer answer = Post("/acme/up.git/info/lfs/objects/batch", body.dump());
    EXPECT_EQ(answer.status, 200) << answer.body;
    return nlohmann::json::parse(answer.body, nullptr, false);
  }

  static RawAnswer Put(const std::string& url, const std::string& bytes) {
    return Send({.method = "PUT", .url = url, .headers = {}, .body = bytes});
  }

  std::string MainCommit() const { return *sim_->ResolveRevision(repo_, "main"); }

  const RepoRef repo_{.kind = RepoKind::kModel, .id = "acme/up"};
};

}  // namespace batuta::hubsim
