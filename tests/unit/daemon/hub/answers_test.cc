#include "daemon/hub/answers.h"

#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kModel = R"({
  "_id": "66a1f0c2d3e4f5a6b7c8d9e0", "id": "acme/otter-7b", "modelId": "acme/otter-7b", "author": "acme",
  "sha": "3f1c9a7e5b2d4860fa91c3e7d5b8a2046c1e9f73",
  "createdAt": "2025-03-04T10:11:12.000Z", "lastModified": "2026-02-01T08:00:00.000Z",
  "private": false, "gated": "manual", "disabled": true,
  "downloads": 18234, "likes": 77, "usedStorage": 29000000512,
  "library_name": "transformers", "pipeline_tag": "text-generation", "mask_token": null,
  "tags": ["transformers", 7, "base_model:acme/otter-7b-base", "base_model:finetune:acme/otter-7b-base",
           "license:apache-2.0"],
  "cardData": {"license": "mit", "base_model": ["acme/one", "acme/two"]},
  "safetensors": {"parameters": {"BF16": 7241732096}, "total": 7241732096},
  "siblings": [{"rfilename": ".gitattributes"}, {"rfilename": "README.md"}]})";

TEST(AnswersTest, DecodesRepoInfo) {
  ASSERT_OK_AND_ASSIGN(const RepoInfo info, DecodeRepoInfo(RepoType::kModel, kModel));

  EXPECT_EQ(info.summary.repo.id(), "acme/otter-7b");
  EXPECT_EQ(info.commit.hex(), "3f1c9a7e5b2d4860fa91c3e7d5b8a2046c1e9f73");
  EXPECT_EQ(info.hub_id, "66a1f0c2d3e4f5a6b7c8d9e0");
  EXPECT_EQ(info.author, "acme");
  EXPECT_EQ(info.license, "mit");
  EXPECT_THAT(info.base_models, ElementsAre("acme/one", "acme/two"));
  EXPECT_EQ(info.parameters, 7241732096U);
  EXPECT_TRUE(info.disabled);
  EXPECT_EQ(info.file_count, 2U);
  EXPECT_EQ(info.used_storage_bytes, 29000000512U);
  EXPECT_EQ(info.summary.gated, "manual");
  EXPECT_EQ(info.summary.task, "text-generation");
  EXPECT_EQ(info.summary.library, "transformers");
  EXPECT_EQ(info.summary.downloads, 18234U);
  EXPECT_EQ(info.summary.likes, 77U);
  EXPECT_EQ(FormatRfc3339(*info.summary.created), "2025-03-04T10:11:12.000Z");
  EXPECT_EQ(FormatRfc3339(*info.summary.last_modified), "2026-02-01T08:00:00.000Z");
  EXPECT_THAT(info.summary.tags, ::testing::SizeIs(4));
}

TEST(AnswersTest, FallsBackToTagsWhereTheCardSaysNothing) {
  const std::string text = fmt::format(
      R"({{"id":"acme/x","sha":"{}","cardData":null,"gguf":{{"total":5}},"tags":["license:mit","base_model:a/b","base_model:quantized:a/b"]}})",
      std::string(40, 'a'));
  ASSERT_OK_AND_ASSIGN(const RepoInfo info, DecodeRepoInfo(RepoType::kModel, text));
  EXPECT_EQ(info.license, "mit");
  EXPECT_THAT(info.base_models, ElementsAre("a/b"));
  EXPECT_EQ(info.parameters, 5U);
  EXPECT_EQ(info.author, "acme");
}

TEST(AnswersTest, ToleratesEveryOddFieldButTheEssentialOnes) {
  const std::string odd =
      R"("author":[],"gated":7,"private":"no","tags":{"a":1},"downloads":-5,"likes":"many","createdAt":12,)"
      R"("cardData":"x","safetensors":[],"gguf":3,"siblings":"none","usedStorage":1.5,"disabled":null,"_id":false)";
  const std::string sha(40, 'a');
  ASSERT_OK_AND_ASSIGN(
      const RepoInfo info,
      DecodeRepoInfo(RepoType::kSpace, fmt::format(R"({{"id":"a/b","sha":"{}",{}}})", sha, odd)));
  EXPECT_EQ(info.summary.downloads, 0U);
  EXPECT_EQ(info.file_count, 0U);

  EXPECT_THAT(DecodeRepoInfo(RepoType::kSpace, fmt::format(R"({{"sha":"{}",{}}})", sha, odd)),
              HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(DecodeRepoInfo(RepoType::kSpace, fmt::format(R"({{"id":"../x","sha":"{}"}})", sha)),
              HasReason("HUB_PROTOCOL"));
  for (const std::string_view bad : {"null", "7", "\"\"", "\"main\"", "\"../../x\""}) {
    EXPECT_THAT(DecodeRepoInfo(RepoType::kSpace, fmt::format(R"({{"id":"a/b","sha":{}}})", bad)),
                HasReason("HUB_PROTOCOL"))
        << bad;
    EXPECT_THAT(DecodeBriefInfo(RepoType::kModel, fmt::format(R"({{"sha":{}}})", bad)),
                HasReason("HUB_PROTOCOL"))
        << bad;
  }
}

TEST(AnswersTest, OnlyWhatTheScannersObjectToIsAnIssue) {
  const RepoInfo info =
      DecodeRepoInfo(RepoType::kModel, R"({"id":"a/b","sha":")" + std::string(40, 'a') + R"(",
        "securityRepoStatus":{"scansDone":false,"filesWithIssues":[
          {"path":"1","level":"unsafe"},{"path":"2","level":"suspicious"},{"path":"3","level":"caution"},
          {"path":"4","level":"safe"},{"path":"5","level":"unscanned"},{"path":"6","level":"queued"},
          {"path":"7","level":"error"},{"path":"8"},{"path":"9","level":"infected"},7]}})")
          .value();

  EXPECT_THAT(info.scan_issues,
              ElementsAre(ScanIssue{"1", ScanLevel::kUnsafe}, ScanIssue{"2", ScanLevel::kSuspicious},
                          ScanIssue{"3", ScanLevel::kCaution}, ScanIssue{"9", ScanLevel::kSuspicious}));
}

TEST(AnswersTest, ReadsWhatIsSaidOfSomePaths) {
  EXPECT_THAT(DecodePathsAnswer(R"([{"path":"a","securityFileStatus":{"status":"unsafe","avScan":{}}},
                                    {"path":"b","securityFileStatus":{"status":"unscanned"}},
                                    {"path":"c","securityFileStatus":"unsafe"},{"path":"d"},{}])"),
              IsOkAndHolds(ElementsAre(ScanIssue{"a", ScanLevel::kUnsafe})));
  EXPECT_THAT(DecodePathsAnswer(R"({"error":"no"})"), HasReason("HUB_PROTOCOL"));
}

TEST(AnswersTest, TakesHugeListsOfFiles) {
  std::string text = fmt::format(R"({{"id":"a/b","sha":"{}","siblings":[)", std::string(40, 'a'));
  for (int i = 0; i < 120'000; ++i) text += R"({"rfilename":"x"},)";
  text.back() = ']';
  text += "}";
  ASSERT_OK_AND_ASSIGN(const RepoInfo info, DecodeRepoInfo(RepoType::kDataset, text));
  EXPECT_EQ(info.file_count, 120'000U);
}

TEST(AnswersTest, ReadsWhatOtherKindsOfReposSay) {
  const std::string sha(40, 'a');
  ASSERT_OK_AND_ASSIGN(
      const RepoInfo dataset,
      DecodeRepoInfo(
          RepoType::kDataset,
          fmt::format(R"({{"id":"a/b","sha":"{}","gated":true,"tags":["task_categories:qa"]}})", sha)));
  EXPECT_EQ(dataset.summary.task, "qa");
  EXPECT_EQ(dataset.summary.gated, "manual");
  ASSERT_OK_AND_ASSIGN(
      const RepoInfo space,
      DecodeRepoInfo(RepoType::kSpace, fmt::format(R"({{"id":"a/b","sha":"{}","sdk":"gradio"}})", sha)));
  EXPECT_EQ(space.summary.library, "gradio");
}

TEST(AnswersTest, LeavesOutSearchResultsThatCannotBeNamed) {
  const auto page = DecodeSearchPage(
      RepoType::kModel, R"([{"id":"a/b","likes":3},{"id":"a--b/c"},{"id":7},5,{"id":"gpt2","private":true}])",
      10);
  ASSERT_THAT(page, IsOk());
  ASSERT_EQ(page->size(), 2U);
  EXPECT_EQ((*page)[0].likes, 3U);
  EXPECT_EQ((*page)[1].repo.id(), "gpt2");
  EXPECT_TRUE((*page)[1].is_private);
  EXPECT_THAT(DecodeSearchPage(RepoType::kModel, R"([{"id":"a/b"},{"id":"a/c"}])", 1),
              IsOkAndHolds(::testing::SizeIs(1)));
  EXPECT_THAT(DecodeSearchPage(RepoType::kModel, R"({"error":"x"})", 1), HasReason("HUB_PROTOCOL"));
}

TEST(AnswersTest, DecodesIdentity) {
  ASSERT_OK_AND_ASSIGN(
      const Identity identity,
      DecodeIdentity(R"({"type":"user","name":"mira","fullname":"Mira K.","email":"m@example.org",
        "orgs":[{"name":"acme"},{"name":7},{}],"auth":{"accessToken":{"displayName":"laptop","role":"fineGrained"}}})"));
  EXPECT_EQ(identity.name, "mira");
  EXPECT_EQ(identity.full_name, "Mira K.");
  EXPECT_EQ(identity.kind, "user");
  EXPECT_EQ(identity.email, "m@example.org");
  EXPECT_THAT(identity.organizations, ElementsAre("acme"));
  EXPECT_EQ(identity.token_name, "laptop");
  EXPECT_EQ(identity.token_role, "fineGrained");

  ASSERT_OK_AND_ASSIGN(const Identity bare, DecodeIdentity(R"({"name":"x","orgs":7,"auth":[]})"));
  EXPECT_THAT(bare.organizations, IsEmpty());
  EXPECT_THAT(DecodeIdentity(R"({"type":"user"})"), HasReason("HUB_PROTOCOL"));
}

}  // namespace
}  // namespace batuta::hub
