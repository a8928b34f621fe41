#include "daemon/hub/write_answers.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "common/text/utf8.h"
#include "nlohmann/json.hpp"
#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kHub = "https://hub.test";
const std::string kOid(64, 'a');

LfsObject Object(uint64_t size_bytes) {
  return {.sha256 = *BlobId::Parse(kOid), .size_bytes = size_bytes};
}

// What the hub says of one object of `size_bytes` bytes, whose answer has `members` as well.
absl::StatusOr<LfsUpload> Decode(uint64_t size_bytes, const std::string& members,
                                 std::string_view endpoint = kHub) {
  const std::string text = fmt::format(R"({{"objects":[{{"oid":"{}"{}}}]}})", kOid, members);
  auto uploads = DecodeBatch({Object(size_bytes)}, endpoint, text);
  if (!uploads.ok()) return uploads.status();
  EXPECT_THAT(*uploads, SizeIs(1));
  return uploads->front();
}

std::string Multipart(const std::string& header) {
  return R"(,"actions":{"upload":{"href":"https://hub.test/done","header":{)" + header + "}}}";
}

TEST(DecodeBatchTest, AnObjectWithoutActionsIsStored) {
  const auto upload = Decode(10, "");
  ASSERT_THAT(upload, IsOk());
  EXPECT_TRUE(upload->is_stored);
  EXPECT_EQ(upload->object.size_bytes, 10U);
}

TEST(DecodeBatchTest, OneRequestWithItsHeadersAndWhomToTell) {
  const auto upload = Decode(
      10,
      R"(,"size":10,"actions":{"upload":{"href":"https://store.test/x?sig=1","header":{"x-amz-acl":"private"}},
             "verify":{"href":"https://huggingface.co/api/verify","header":{"X-Way":"1"}}})");
  ASSERT_THAT(upload, IsOk());
  EXPECT_FALSE(upload->is_stored);
  EXPECT_EQ(upload->upload.url, "https://store.test/x?sig=1");
  ASSERT_THAT(upload->upload.headers, SizeIs(1));
  EXPECT_EQ(upload->upload.headers[0].name, "x-amz-acl");
  EXPECT_EQ(upload->part_bytes, 0U);
  ASSERT_TRUE(upload->verify.has_value());
  EXPECT_EQ(upload->verify->url, "https://hub.test/api/verify");
  EXPECT_THAT(upload->verify->headers, SizeIs(1));
}

TEST(DecodeBatchTest, OnlyThePublicHubsOwnAddressIsTakenForTheEndpoint) {
  const auto upload = Decode(10, R"(,"actions":{"upload":{"href":"https://huggingface.co.evil.test/x"}})");
  ASSERT_THAT(upload, IsOk());
  EXPECT_EQ(upload->upload.url, "https://huggingface.co.evil.test/x");
}

TEST(DecodeBatchTest, PartsComeInTheOrderOfTheirNumbers) {
  std::string parts = R"("chunk_size":"10")";
  for (int number = 12; number >= 1; --number)
    parts += fmt::format(R"(,"{:05}":"https://store.test/{}")", number, number);

  const auto upload = Decode(115, Multipart(parts));

  ASSERT_THAT(upload, IsOk());
  EXPECT_EQ(upload->part_bytes, 10U);
  ASSERT_THAT(upload->part_urls, SizeIs(12));
  EXPECT_EQ(upload->part_urls[1], "https://store.test/2");
  EXPECT_EQ(upload->part_urls[11], "https://store.test/12");
  EXPECT_THAT(upload->upload.headers, IsEmpty());
}

TEST(DecodeBatchTest, TheSizeOfAPartMayBeANumber) {
  EXPECT_THAT(Decode(10, Multipart(R"("chunk_size":10,"1":"https://store.test/1")")), IsOk());
}

// What a hub says that is broken, or means harm.
TEST(DecodeBatchTest, PartsThatDoNotMakeUpTheObjectAreNonsense) {
  const std::string one = R"(,"1":"https://s.test/1")";
  const std::string two = one + R"(,"2":"https://s.test/2")";
  for (const std::string& header : {
           R"("chunk_size":"0")" + one,
           R"("chunk_size":0)" + one,
           R"("chunk_size":"-5")" + two,
           R"("chunk_size":-5)" + two,
           R"("chunk_size":1.5)" + two,
           R"("chunk_size":"5MB")" + two,
           R"("chunk_size":null)" + two,
           R"("chunk_size":"99999999999999999999")" + one,
           std::string(R"("chunk_size":"5")"),                   // none
           R"("chunk_size":"5")" + one,                          // fewer
           R"("chunk_size":"9223372036854775808")" + two,        // more
           R"("chunk_size":"5","0":"https://s.test/0")" + one,   // from 0
           R"("chunk_size":"5","3":"https://s.test/3")" + one,   // a gap
           R"("chunk_size":"5","01":"https://s.test/0")" + one,  // one twice
           R"("chunk_size":"5","18446744073709551617":"https://s.test/0")" + one,
           R"("chunk_size":"5","2":"file:///etc/passwd")" + one,
           R"("chunk_size":"5","2":"http://s.test/2")" + one,
           R"("chunk_size":"5","2":"https://me:pw@s.test/2")" + one,
           R"("chunk_size":"5","2":"https://s.test/2\r\nX: y")" + one,
           R"("chunk_size":"5","2":7)" + one,
           R"("chunk_size":"5","2":"")" + one,
       }) {
    EXPECT_THAT(Decode(10, Multipart(header)),
                AllOf(StatusIs(absl::StatusCode::kInternal), HasReason(reason::kHubProtocol)))
        << header;
  }
}

TEST(DecodeBatchTest, OnePartMayBeLargerThanAnyObject) {
  const auto upload = Decode(10, Multipart(R"("chunk_size":"18446744073709551615","1":"https://s.test/1")"));
  ASSERT_THAT(upload, IsOk());
  EXPECT_THAT(upload->part_urls, SizeIs(1));
}

TEST(DecodeBatchTest, AnEmptyObjectHasNoParts) {
  EXPECT_THAT(Decode(0, Multipart(R"("chunk_size":"5")")), HasReason(reason::kHubProtocol));
}

TEST(DecodeBatchTest, PlacesThatAreNoneAreNonsense) {
  const std::string long_url = "https://s.test/" + std::string(9'000, 'x');
  for (const std::string& url :
       {std::string(""), std::string("file:///etc/passwd"), std::string("ftp://s.test/x"),
        std::string("http://s.test/x"), std::string("//s.test/x"), std::string("https://"),
        std::string("https://me@s.test/"), std::string("https://s.test/a b"), long_url}) {
    EXPECT_THAT(Decode(10, fmt::format(R"(,"actions":{{"upload":{{"href":"{}"}}}})", url)),
                HasReason(reason::kHubProtocol))
        << url;
    EXPECT_THAT(
        Decode(10,
               fmt::format(R"(,"actions":{{"upload":{{"href":"https://s.test/"}},"verify":{{"href":"{}"}}}})",
                           url)),
        HasReason(reason::kHubProtocol))
        << url;
  }
}

TEST(DecodeBatchTest, AHubWithoutTlsMayHaveAStoreWithout) {
  EXPECT_THAT(Decode(10, R"(,"actions":{"upload":{"href":"http://127.0.0.1:9/x"}})", "http://127.0.0.1:8"),
              IsOk());
}

TEST(DecodeBatchTest, WhatIsNoAnswerIsNotTakenForStored) {
  for (const char* members :
       {R"(,"actions":"none")", R"(,"actions":[])", R"(,"actions":{"upload":"https://s.test/"})",
        R"(,"actions":{"upload":{"href":"https://s.test/"},"verify":true})", R"(,"size":11)"}) {
    EXPECT_THAT(Decode(10, members), HasReason(reason::kHubProtocol)) << members;
  }
}

TEST(DecodeBatchTest, ARefusalOfOneObjectNamesTheHubsReasonAndLeavesTheOthers) {
  const std::string other(64, 'b');
  const std::string text = fmt::format(
      R"({{"objects":[{{"oid":"{}"}},{{"oid":"{}","error":{{"code":422,"message":"too \u001b large"}}}}]}})",
      other, kOid);
  const auto uploads =
      DecodeBatch({Object(10), {.sha256 = *BlobId::Parse(other), .size_bytes = 5}}, kHub, text);

  ASSERT_THAT(uploads, IsOk());
  ASSERT_THAT(*uploads, SizeIs(2));
  EXPECT_THAT((*uploads)[0].refusal,
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasMessage(HasSubstr("too"))));
  EXPECT_EQ(std::string((*uploads)[0].refusal.message()).find('\x1b'), std::string::npos);
  EXPECT_THAT((*uploads)[1].refusal, IsOk());
  EXPECT_TRUE((*uploads)[1].is_stored);
}

TEST(DecodeBatchTest, ARefusalInAnyFormIsOne) {
  for (const char* error : {R"("no")", "true", "{}", "[]"}) {
    const auto upload = Decode(10, fmt::format(R"(,"error":{})", error));
    ASSERT_THAT(upload, IsOk()) << error;
    EXPECT_FALSE(upload->refusal.ok()) << error;
    EXPECT_FALSE(upload->is_stored) << error;
  }
}

TEST(DecodeBatchTest, AnObjectOfWhichNothingIsSaidIsNonsense) {
  for (const std::string& text :
       {std::string(R"({"objects":[]})"), std::string("{}"), std::string(R"({"objects":{}})"),
        std::string(R"({"objects":[null,7,"x",{}]})"),
        fmt::format(R"({{"objects":[{{"oid":"{}"}}]}})", std::string(64, 'b'))}) {
    EXPECT_THAT(DecodeBatch({Object(10)}, kHub, text), HasReason(reason::kHubProtocol)) << text;
  }
}

TEST(DecodeBatchTest, WhatWasNotAskedForIsLeftOut) {
  const std::string text = fmt::format(R"({{"objects":[{{"oid":"{}","error":"no"}},{{"oid":"{}"}}]}})",
                                       std::string(64, 'b'), kOid);
  const auto uploads = DecodeBatch({Object(10)}, kHub, text);
  ASSERT_THAT(uploads, IsOk());
  ASSERT_THAT(*uploads, SizeIs(1));
  EXPECT_TRUE(uploads->front().is_stored);
}

TEST(DecodeBatchTest, AWayThatWasNotOfferedIsNonsense) {
  EXPECT_THAT(DecodeBatch({Object(10)}, kHub,
                          fmt::format(R"({{"transfer":"xet","objects":[{{"oid":"{}"}}]}})", kOid)),
              HasReason(reason::kHubProtocol));
}

TEST(DecodeBatchTest, TheFrameOfARequestIsNotTheHubsToSay) {
  const auto upload =
      Decode(10,
             R"(,"actions":{"upload":{"href":"https://s.test/","header":{"Host":"other","content-length":"5",
        "Transfer-Encoding":"chunked","X-Mine":"1","X-Number":5}}})");
  ASSERT_THAT(upload, IsOk());
  ASSERT_THAT(upload->upload.headers, SizeIs(1));
  EXPECT_EQ(upload->upload.headers[0].name, "X-Mine");
}

TEST(DecodeBatchTest, HeadersAreBounded) {
  std::string headers = R"("X-0":"1")";
  for (int i = 1; i < 1'000; ++i) headers += fmt::format(R"(,"X-{}":"1")", i);
  const auto upload =
      Decode(10, R"(,"actions":{"upload":{"href":"https://s.test/","header":{)" + headers + "}}}");
  ASSERT_THAT(upload, IsOk());
  EXPECT_THAT(upload->upload.headers, SizeIs(32));
}

TEST(DecodePreuploadTest, AnswersInTheOrderOfTheFilesWhateverTheHubsIs) {
  const std::vector<PreuploadFile> files = {{.path = *RepoPath::Parse("a"), .size_bytes = 1, .sample = {}},
                                            {.path = *RepoPath::Parse("b"), .size_bytes = 1, .sample = {}}};
  const auto answers = DecodePreupload(
      files, fmt::format(
                 R"({{"files":[{{"path":"c","uploadMode":"odd"}},{{"path":"b","uploadMode":"lfs","oid":"{}"}},
                           {{"path":"a","uploadMode":"regular","shouldIgnore":true}}]}})",
                 kOid));
  ASSERT_THAT(answers, IsOk());
  ASSERT_THAT(*answers, SizeIs(2));
  EXPECT_EQ((*answers)[0].path.text(), "a");
  EXPECT_FALSE((*answers)[0].is_lfs);
  EXPECT_TRUE((*answers)[0].is_ignored);
  EXPECT_FALSE((*answers)[0].existing.has_value());
  EXPECT_TRUE((*answers)[1].is_lfs);
  EXPECT_EQ((*answers)[1].existing, *BlobId::Parse(kOid));
}

TEST(DecodePreuploadTest, ASilentOrUnknownModeIsNonsense) {
  const std::vector<PreuploadFile> files = {{.path = *RepoPath::Parse("a"), .size_bytes = 1, .sample = {}}};
  for (const char* text : {"{}", R"({"files":[]})", R"({"files":"a"})", R"({"files":[{"path":"a"}]})",
                           R"({"files":[{"path":"a","uploadMode":"xet"}]})", "[]", "", "<html>"}) {
    EXPECT_THAT(DecodePreupload(files, text), HasReason(reason::kHubProtocol)) << text;
  }
}

TEST(DecodePreuploadTest, AnOidThatIsNoneSaysThatNothingIsThere) {
  const std::vector<PreuploadFile> files = {{.path = *RepoPath::Parse("a"), .size_bytes = 1, .sample = {}}};
  const auto answers =
      DecodePreupload(files, R"({"files":[{"path":"a","uploadMode":"lfs","oid":"../../x"}]})");
  ASSERT_THAT(answers, IsOk());
  EXPECT_FALSE(answers->front().existing.has_value());
}

TEST(DecodeCommitTest, NamesTheCommit) {
  const auto result = DecodeCommit(
      kHub, fmt::format(R"({{"success":true,"commitOid":"{0}","commitUrl":"https://hub.test/c/{0}"}})",
                        std::string(40, 'c')));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->commit.hex(), std::string(40, 'c'));
  EXPECT_THAT(result->url, HasSubstr("https://hub.test/c/"));
}

TEST(DecodeCommitTest, AnAnswerWithoutACommitIsNonsense) {
  for (const char* text : {"{}", R"({"commitOid":"main"})", R"({"commitOid":7})", "", "ok", "[]"})
    EXPECT_THAT(DecodeCommit(kHub, text), HasReason(reason::kHubProtocol)) << text;
}

TEST(DecodeCommitTest, ALinkThatNobodyShouldFollowIsNotShown) {
  for (const char* url :
       {"javascript:alert(1)", "http://hub.test/c", "https://hub.test/\\u001b[2J", "file:///x"}) {
    const auto result = DecodeCommit(
        kHub, fmt::format(R"({{"commitOid":"{}","commitUrl":"{}"}})", std::string(40, 'c'), url));
    ASSERT_THAT(result, IsOk()) << url;
    EXPECT_THAT(result->url, IsEmpty()) << url;
  }
}

TEST(DecodeCardCheckTest, TakesSentencesInEitherForm) {
  const auto check =
      DecodeCardCheck(R"({"errors":["one",{"message":"two"},{"text":"three"},4],"warnings":[]})");
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(check->errors, ElementsAre("one", "two"));
  EXPECT_THAT(check->warnings, IsEmpty());
}

TEST(DecodeCardCheckTest, SentencesAreBoundedAndStayUtf8) {
  json warnings = json::array();
  std::string words = "x";
  while (words.size() < 2'000) words += "ä";
  for (int i = 0; i < 500; ++i) warnings.push_back(words);
  const auto check = DecodeCardCheck(json{{"warnings", warnings}}.dump());
  ASSERT_THAT(check, IsOk());
  EXPECT_THAT(check->warnings, SizeIs(100));
  EXPECT_LE(check->warnings[0].size(), 500U);
  EXPECT_TRUE(IsValidUtf8(check->warnings[0]));
}

TEST(DecodePullRequestTest, NamesTheBranchOfTheRequest) {
  const auto opened =
      DecodePullRequest("https://hub.test/acme/otter", R"({"num":7,"url":"https://evil.test/"})");
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(opened->branch.text(), "refs/pr/7");
  EXPECT_EQ(opened->url, "https://hub.test/acme/otter/discussions/7");
}

TEST(DecodePullRequestTest, ANumberThatIsNoneIsNonsense) {
  for (const char* text : {"{}", R"({"num":0})", R"({"num":-1})", R"({"num":"7"})", R"({"num":1.5})"})
    EXPECT_THAT(DecodePullRequest("https://hub.test/acme/otter", text), HasReason(reason::kHubProtocol))
        << text;
}

TEST(DecodeCommitsTest, TakesNoMoreThanWasAskedFor) {
  json list = json::array();
  for (int i = 0; i < 10; ++i)
    list.push_back({{"id", fmt::format("{:040x}", i)}, {"title", "t"}, {"message", nullptr}});
  const auto commits = DecodeCommits(list.dump(), 3);
  ASSERT_THAT(commits, IsOk());
  ASSERT_THAT(*commits, SizeIs(3));
  EXPECT_EQ((*commits)[2].commit.hex(), fmt::format("{:040x}", 2));
}

TEST(DecodeCommitsTest, AListOfSomethingElseIsNonsense) {
  for (const char* text : {"{}", R"([{"id":"main"}])", "[1]", "[[]]", "", R"([{"title":"t"}])"})
    EXPECT_THAT(DecodeCommits(text, 10), HasReason(reason::kHubProtocol)) << text;
}

TEST(DecodeCreatedRepoTest, AUrlFromElsewhereIsNotTaken) {
  EXPECT_EQ(DecodeCreatedRepo(kHub, R"({"url":"https://hub.test/acme/otter"})")->url,
            "https://hub.test/acme/otter");
  EXPECT_EQ(DecodeCreatedRepo(kHub, R"({"url":"javascript:x"})")->url, "");
}

TEST(EncodeTest, SaysWhatTheHubWantsToKnow) {
  const NewRepo repo{.repo = *RepoId::Parse(RepoType::kDataset, "acme/otters"), .is_private = true};
  EXPECT_EQ(
      json::parse(EncodeNewRepo(repo)),
      json::parse(
          R"({"name":"otters","organization":"acme","type":"dataset","visibility":"private","private":true})"));

  EXPECT_EQ(json::parse(EncodeBatch(Revision::Main(), {Object(5)})),
            json({{"operation", "upload"},
                  {"transfers", {"basic", "multipart"}},
                  {"hash_algo", "sha256"},
                  {"objects", {{{"oid", kOid}, {"size", 5}}}},
                  {"ref", {{"name", "main"}}}}));
  EXPECT_FALSE(json::parse(EncodeBatch(std::nullopt, {Object(5)})).contains("ref"));

  EXPECT_EQ(
      json::parse(EncodeCompletion(Object(5), {{1, "\"e1\""}, {2, "e2"}})),
      json({{"oid", kOid},
            {"parts", {{{"partNumber", 1}, {"etag", "\"e1\""}}, {{"partNumber", 2}, {"etag", "e2"}}}}}));

  std::string long_title;
  while (long_title.size() < 300) long_title += "ä";
  const json opened = json::parse(EncodePullRequest(long_title, "more"));
  EXPECT_EQ(opened["title"].get<std::string>().size(), 200U);
  EXPECT_EQ(opened["description"], long_title + "\n\nmore");

  const std::vector<PreuploadFile> files = {
      {.path = *RepoPath::Parse("a"), .size_bytes = 3, .sample = std::string("\xff\0b", 3)}};
  EXPECT_EQ(json::parse(EncodePreupload(files, "")),
            json::parse(R"({"files":[{"path":"a","size":3,"sample":"/wBi"}]})"));
  EXPECT_EQ(json::parse(EncodePreupload(files, "*.tmp"))["gitIgnore"], "*.tmp");
}

}  // namespace
}  // namespace batuta::hub
