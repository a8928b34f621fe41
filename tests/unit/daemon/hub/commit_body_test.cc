#include "daemon/hub/commit_body.h"

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include <gmock/gmock.h>

#include "nlohmann/json.hpp"
#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using nlohmann::json;

RepoPath Path(std::string_view text) {
  return *RepoPath::Parse(text);
}

std::shared_ptr<CommitRequest> Request() {
  return std::make_shared<CommitRequest>(
      CommitRequest{.repo = *RepoId::Parse(RepoType::kModel, "acme/otter"), .summary = "Add otters"});
}

// All of the body, asked for in pieces of `piece` bytes.
std::string Read(CommitBody& body, size_t piece = 4'096) {
  std::string all;
  body.Rewind(nullptr);
  while (all.size() < body.size_bytes()) {
    std::string bytes(piece, '\0');
    const auto count = body.Read(std::as_writable_bytes(std::span(bytes)));
    if (!count.ok() || *count == 0) break;
    all += bytes.substr(0, *count);
  }
  return all;
}

std::vector<json> Lines(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 131 >> 3);
  return bytes;
}

TEST(CommitBodyTest, PutsTheHeaderAndEachChangeOnALineOfItsOwn) {
  const auto request = Request();
  const BlobId blob = *BlobId::Parse(std::string(64, 'b'));
  request->description = "for \"all\"\nof us";
  request->parent = *CommitId::Parse(std::string(40, 'a'));
  request->changes = {InlineFile{Path("README.md"), "# Otter\n"}, LfsFile{Path("a \"b\".bin"), {blob, 1'000}},
                      DeletedFile{Path("old/ä.txt")}};

  CommitBody body(request);
  const std::string text = Read(body);

  EXPECT_EQ(text.size(), body.size_bytes());
  EXPECT_TRUE(text.ends_with("}\n"));
  const std::vector<json> lines = Lines(text);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], json::parse(R"({"key":"header","value":{"summary":"Add otters",
      "description":"for \"all\"\nof us","parentCommit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}})"));
  EXPECT_EQ(lines[1], json::parse(R"({"key":"file",
      "value":{"path":"README.md","encoding":"base64","content":"IyBPdHRlcgo="}})"));
  EXPECT_EQ(
      lines[2],
      json({{"key", "lfsFile"},
            {"value", {{"path", "a \"b\".bin"}, {"algo", "sha256"}, {"oid", blob.hex()}, {"size", 1'000}}}}));
  EXPECT_EQ(lines[3], json::parse(R"({"key":"deletedFile","value":{"path":"old/ä.txt"}})"));
}

TEST(CommitBodyTest, NamesNoParentWhereThereIsNone) {
  CommitBody body(Request());
  EXPECT_FALSE(Lines(Read(body)).at(0)["value"].contains("parentCommit"));
}

TEST(CommitBodyTest, GivesBackTheBytesOfEveryFileAcrossItsPieces) {
  for (const size_t size : {0U, 1U, 2U, 3U, 49'151U, 49'152U, 49'153U, 98'304U, 200'001U}) {
    const auto request = Request();
    request->changes = {InlineFile{Path("a"), Bytes(size)}, InlineFile{Path("b"), "end"}};

    CommitBody body(request);
    const std::string text = Read(body, 10'007);

    EXPECT_EQ(text.size(), body.size_bytes()) << size;
    const std::vector<json> lines = Lines(text);
    ASSERT_EQ(lines.size(), 3U) << size;
    std::string content;
    ASSERT_TRUE(absl::Base64Unescape(lines[1]["value"]["content"].get<std::string>(), &content));
    EXPECT_EQ(content, Bytes(size)) << size;
    EXPECT_EQ(lines[2]["value"]["content"], "ZW5k");
  }
}

TEST(CommitBodyTest, SaysTheSameWhenItBeginsAgain) {
  const auto request = Request();
  request->changes = {InlineFile{Path("a"), Bytes(100'000)}, DeletedFile{Path("b")}};
  CommitBody body(request);
  const std::string whole = Read(body);

  std::string some(70'000, '\0');
  body.Rewind(nullptr);
  ASSERT_THAT(body.Read(std::as_writable_bytes(std::span(some))), IsOk());

  EXPECT_EQ(Read(body, 1), whole);
}

TEST(CommitBodyTest, ATitleThatIsNotUtf8StaysJson) {
  const auto request = Request();
  request->summary = "caf\xe9";
  CommitBody body(request);
  EXPECT_EQ(Lines(Read(body)).at(0)["value"]["summary"], "caf\uFFFD");
}

}  // namespace
}  // namespace batuta::hub
