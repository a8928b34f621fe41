// Repo info, lists, trees, refs and history.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>

#include "tests/unit/hubsim/hub_fixture.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

std::vector<std::string> Pluck(const json& list, const char* key) {
  std::vector<std::string> values;
  for (const json& item : list) values.push_back(item.at(key).get<std::string>());
  return values;
}

// The URL of the next page, or nothing.
std::string NextOf(const RawAnswer& answer) {
  const std::string link = answer.Header("Link");
  return link.empty() ? link : link.substr(1, link.find('>') - 1);
}

const FileSet kOtter = {
    {"README.md",
     "---\nlicense: mit\npipeline_tag: text-generation\nbase_model: acme/base\nlanguage: [en]\n---\n# "
     "Otter\n"},
    {"config.json", R"({"model_type":"llama","architectures":["LlamaForCausalLM"]})"},
    {"weights/model.bin", Generated{.size = 6'000'000, .seed = 3}},
};

class ReadApiTest : public HubTest {};

TEST_F(ReadApiTest, InfoHasCardTagsAndFiles) {
  const RepoRef repo = MakeRepo("acme/otter", kOtter, {.downloads = 12, .likes = 3});

  const json info = GetJson("/api/models/acme/otter");

  EXPECT_EQ(info.at("id"), "acme/otter");
  EXPECT_EQ(info.at("sha"), *sim_->ResolveRevision(repo, "main"));
  EXPECT_EQ(info.at("downloads"), 12);
  EXPECT_EQ(info.at("gated"), false);
  EXPECT_EQ(info.at("cardData").at("license"), "mit");
  EXPECT_EQ(info.at("config").at("model_type"), "llama");
  EXPECT_THAT(info.at("tags").get<std::vector<std::string>>(),
              IsSupersetOf({"transformers", "en", "license:mit", "base_model:acme/base",
                            "base_model:finetune:acme/base"}));
  EXPECT_THAT(Pluck(info.at("siblings"), "rfilename"),
              ElementsAre("README.md", "config.json", "weights/model.bin"));
  EXPECT_FALSE(info.at("siblings")[0].contains("size"));
}

TEST_F(ReadApiTest, JsonAnswersHaveAWeakEtagThatChangesWithThem) {
  const RepoRef repo = MakeRepo("acme/otter", kOtter);
  const std::string url = Url("/api/models/acme/otter");
  const std::string etag = Get(url).Header("ETag");
  EXPECT_THAT(etag, testing::MatchesRegex("W/\"[0-9a-f]+-[0-9a-f]+\""));

  const RawAnswer unchanged = Get(url, {{"If-None-Match", etag}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.body, "");
  EXPECT_EQ(unchanged.Header("ETag"), etag);
  EXPECT_TRUE(unchanged.HasHeader("RateLimit"));

  Commit(repo, {{"README.md", "changed"}});
  EXPECT_EQ(Get(url, {{"If-None-Match", etag}}).status, 200);
  EXPECT_FALSE(Get(Url("/api/models/acme/none"), {{"If-None-Match", "*"}}).HasHeader("ETag"));
}

TEST_F(ReadApiTest, InfoWithBlobsAndSecurityStatusSaysMore) {
  const RepoRef repo = MakeRepo("acme/otter", kOtter);
  ASSERT_TRUE(sim_->EditSettings(repo,
                                 [](RepoSettings& settings) {
                                   settings.security_file_status["weights/model.bin"] =
                                       R"({"status":"unsafe"})";
                                 })
                  .ok());

  const json info = GetJson("/api/models/acme/otter?blobs=true&securityStatus=true");

  const json& weights = info.at("siblings")[2];
  EXPECT_EQ(weights.at("size"), 6'000'000);
  EXPECT_EQ(weights.at("lfs").at("sha256"), sim_->Stat(repo, "main", "weights/model.bin")->sha256);
  EXPECT_EQ(info.at("securityRepoStatus").at("filesWithIssues")[0],
            json({{"path", "weights/model.bin"}, {"level", "unsafe"}}));
}

TEST_F(ReadApiTest, TheScannersVerdictsStandInEveryAnswerThatHasThem) {
  const RepoRef repo =
      MakeRepo("acme/otter", {{"a.bin", "1"}, {"b.bin", "2"}, {"c.bin", "3"}, {"d.txt", "4"}});
  const RawAnswer published = Post("/__hubsim/scan",
                                   R"({"repo":"acme/otter","files":{"a.bin":"unsafe","c.bin":"safe","b.bin":
         {"status":"suspicious","pickleImportScan":{"status":"suspicious","pickleImports":
           [{"module":"acme","name":"Net","safety":"suspicious"}]}}}})");
  ASSERT_EQ(published.status, 200);

  const json scan = GetJson("/api/models/acme/otter/scan");
  EXPECT_EQ(scan, GetJson("/api/models/acme/otter?securityStatus=true").at("securityRepoStatus"));
  EXPECT_EQ(scan.at("scansDone"), false);
  EXPECT_EQ(scan.at("filesWithIssues"), json::parse(R"([{"path":"a.bin","level":"unsafe"},
                                                        {"path":"b.bin","level":"suspicious"}])"));

  const json entries = json::parse(
      Post("/api/models/acme/otter/paths-info/main", R"({"paths":["b.bin","d.txt"],"expand":true})").body);
  ASSERT_EQ(entries.size(), 2U);
  const json& named = entries[0].at("securityFileStatus");
  EXPECT_EQ(named.at("status"), "suspicious");
  EXPECT_EQ(named.at("pickleImportScan").at("pickleImports")[0].at("name"), "Net");
  for (const char* scanner : {"avScan", "jFrogScan", "protectAiScan", "virusTotalScan"}) {
    EXPECT_EQ(named.at(scanner).at("status"), "unscanned") << scanner;
  }
  EXPECT_EQ(entries[1].at("securityFileStatus").at("status"), "unscanned");
}

TEST_F(ReadApiTest, OnlyModelsHaveAScanOfTheWholeRepo) {
  MakeRepo("acme/ponds", {{"a.csv", "1"}}, {}, RepoKind::kDataset);

  EXPECT_FALSE(GetJson("/api/datasets/acme/ponds?securityStatus=true").contains("securityRepoStatus"));
  EXPECT_EQ(Get(Url("/api/datasets/acme/ponds/scan")).status, 404);
}

TEST_F(ReadApiTest, ExpandReturnsOnlyWhatIsNamed) {
  MakeRepo("acme/otter", kOtter);

  const json info = GetJson("/api/models/acme/otter?expand[]=likes&expand=sha");

  EXPECT_EQ(info.size(), 4U);
  EXPECT_TRUE(info.contains("_id") && info.contains("id") && info.contains("likes") && info.contains("sha"));
  EXPECT_EQ(Get(Url("/api/models/acme/otter?expand=nonsense")).status, 400);
  EXPECT_EQ(Get(Url("/api/models/acme/otter?expand[]=_id")).status, 400);
}

TEST_F(ReadApiTest, InfoTakesEveryFormOfRevision) {
  const RepoRef repo = MakeRepo("acme/otter", kOtter);
  const std::string main = *sim_->ResolveRevision(repo, "main");
  const std::string pr = Commit(repo, {{"x", "1"}}, "refs/pr/1");
  ASSERT_TRUE(sim_->SetRef(repo, "refs/tags/v1", "main").ok());
  const auto sha = [this](const std::string& revision) {
    return GetJson("/api/models/acme/otter/revision/" + revision).value("sha", std::string());
  };

  EXPECT_EQ(sha("main"), main);
  EXPECT_EQ(sha("HEAD"), main);
  EXPECT_EQ(sha("v1"), main);
  EXPECT_EQ(sha(main), main);
  EXPECT_EQ(sha(main.substr(0, 7)), main);
  EXPECT_EQ(sha("refs%2Fpr%2F1"), pr);
  EXPECT_EQ(sha("refs/pr/1"), pr);
  EXPECT_EQ(sha("refs%2Fheads%2Fmain"), main);
  EXPECT_EQ(Get(Url("/api/models/acme/otter/revision/" + main.substr(0, 4))).Header("X-Error-Code"),
            "RevisionNotFound");
}

TEST_F(ReadApiTest, CommitThatNoRefLeadsToIsGone) {
  const RepoRef repo = MakeRepo("acme/otter", {{"a", "1"}});
  const std::string old_commit = *sim_->ResolveRevision(repo, "main");
  const std::string new_commit = Commit(repo, {{"a", "2"}});

  ASSERT_TRUE(sim_->SetRef(repo, "main", old_commit).ok());

  EXPECT_EQ(Get(Url("/api/models/acme/otter/revision/" + old_commit)).status, 200);
  EXPECT_EQ(Get(Url("/api/models/acme/otter/revision/" + new_commit)).Header("X-Error-Code"),
            "RevisionNotFound");
}

TEST_F(ReadApiTest, ListFiltersSortsAndPages) {
  for (int i = 0; i < 5; ++i) {
    MakeRepo("acme/otter-" + std::to_string(i), kOtter, {.downloads = i * 10});
  }
  MakeRepo("other/walrus", {{"a.gguf", "x"}});

  const RawAnswer first =
      Get(Url("/api/models?search=OTTER&author=acme&filter=license:mit&sort=downloads&limit=2"));
  const RawAnswer second = Get(NextOf(first));
  const RawAnswer third = Get(NextOf(second));

  EXPECT_THAT(Pluck(json::parse(first.body), "id"), ElementsAre("acme/otter-4", "acme/otter-3"));
  EXPECT_THAT(Pluck(json::parse(second.body), "id"), ElementsAre("acme/otter-2", "acme/otter-1"));
  EXPECT_THAT(Pluck(json::parse(third.body), "id"), ElementsAre("acme/otter-0"));
  EXPECT_THAT(first.Header("Link"),
              AllOf(HasSubstr("<" + sim_->endpoint() + "/api/models?"), HasSubstr("; rel=\"next\"")));
  EXPECT_FALSE(third.HasHeader("Link"));
  EXPECT_EQ(GetJson("/api/models?filter=gguf").size(), 1U);
  EXPECT_EQ(GetJson("/api/models?filter=license:mit&filter=gguf").size(), 0U);
  EXPECT_EQ(GetJson("/api/models?pipeline_tag=text-generation").size(), 5U);
  EXPECT_EQ(Get(Url("/api/models?sort=nonsense")).status, 400);
}

TEST_F(ReadApiTest, ListShowsPrivateReposToTheirPeopleOnly) {
  MakeRepo("acme/secret", {{"a", "1"}}, {.is_private = true});

  EXPECT_EQ(GetJson("/api/models").size(), 0U);
  EXPECT_EQ(GetJson("/api/models", kStranger).size(), 0U);
  EXPECT_EQ(GetJson("/api/models", kMira).size(), 1U);
}

TEST_F(ReadApiTest, ListFindsAdaptersByTheirBase) {
  MakeRepo("acme/base", kOtter);
  MakeRepo("acme/lora", {{"README.md", "---\nbase_model: acme/base\n---\n"}, {"adapter_config.json", "{}"}});

  EXPECT_THAT(Pluck(GetJson("/api/models?filter=base_model:adapter:acme/base"), "id"),
              ElementsAre("acme/lora"));
  EXPECT_EQ(GetJson("/api/models/acme/base?expand=childrenModelCount").at("childrenModelCount").at("adapter"),
            1);
  EXPECT_EQ(GetJson("/api/models/acme/lora?expand=baseModels").at("baseModels").at("models")[0].at("id"),
            "acme/base");
}

TEST_F(ReadApiTest, DatasetsAndSpacesHaveListsOfTheirOwn) {
  MakeRepo("acme/data", {{"README.md", "---\ntask_categories: [text-generation]\n---\n"}}, {},
           RepoKind::kDataset);
  MakeRepo("acme/app", {{"README.md", "---\nsdk: gradio\nmodels: [acme/otter]\n---\n"}}, {},
           RepoKind::kSpace);

  EXPECT_EQ(GetJson("/api/datasets?filter=task_categories:text-generation").size(), 1U);
  EXPECT_EQ(GetJson("/api/spaces?models=acme/otter")[0].at("sdk"), "gradio");
  EXPECT_EQ(GetJson("/api/spaces?models=acme/none").size(), 0U);
  EXPECT_EQ(GetJson("/api/models").size(), 0U);
}

TEST_F(ReadApiTest, TreeListsOneFolderOrAll) {
  MakeRepo("acme/otter", {{"a/b/c.txt", "1"}, {"a-b.txt", "2"}, {"a/d.txt", "3"}, {"z.txt", "4"}});

  EXPECT_THAT(Pluck(GetJson("/api/models/acme/otter/tree/main"), "path"),
              ElementsAre("a", "a-b.txt", "z.txt"));
  EXPECT_THAT(Pluck(GetJson("/api/models/acme/otter/tree/main/a"), "path"), ElementsAre("a/b", "a/d.txt"));
  EXPECT_THAT(Pluck(GetJson("/api/models/acme/otter/tree/main/a%2Fb"), "path"), ElementsAre("a/b/c.txt"));
  EXPECT_THAT(Pluck(GetJson("/api/models/acme/otter/tree/main?recursive=true"), "path"),
              ElementsAre("a", "a-b.txt", "a/b", "a/b/c.txt", "a/d.txt", "z.txt"));
  EXPECT_EQ(Get(Url("/api/models/acme/otter/tree/main/z.txt")).Header("X-Error-Code"), "EntryNotFound");
  EXPECT_EQ(Get(Url("/api/models/acme/otter/tree/main/none")).status, 404);
  EXPECT_EQ(Get(Url("/api/models/acme/otter/tree/none")).Header("X-Error-Code"), "RevisionNotFound");
}

TEST_F(ReadApiTest, TreeEntryOfLfsFileHasPointerAndContentIds) {
  const RepoRef repo = MakeRepo("acme/otter", kOtter);

  const json entry = GetJson("/api/models/acme/otter/tree/main/weights")[0];

  const FileFacts facts = *sim_->Stat(repo, "main", "weights/model.bin");
  EXPECT_EQ(entry.at("oid"), facts.oid);
  EXPECT_EQ(entry.at("lfs").at("oid"), facts.sha256);
  EXPECT_EQ(entry.at("size"), 6'000'000);
  EXPECT_EQ(entry.at("lfs").at("pointerSize"), 132);
  EXPECT_FALSE(entry.contains("xetHash"));
}

TEST_F(ReadApiTest, TreeOf2500FilesHasThreePages) {
  FileSet files;
  for (int i = 0; i < 2500; ++i) files["f" + std::to_string(10000 + i)] = "x";
  MakeRepo("acme/many", files);

  std::set<std::string> seen;
  int pages = 0;
  for (std::string url = Url("/api/models/acme/many/tree/main?recursive=true"); !url.empty(); ++pages) {
    const RawAnswer page = Get(url);
    for (const std::string& path : Pluck(json::parse(page.body), "path")) seen.insert(path);
    url = NextOf(page);
  }

  EXPECT_EQ(pages, 3);
  EXPECT_EQ(seen.size(), 2500U);
  EXPECT_EQ(Get(Url("/api/models/acme/many/tree/main?cursor=bm9wZQ%3D%3D")).status, 400);
  EXPECT_EQ(GetJson("/api/models/acme/many/tree/main?expand=true").size(), 50U);
  EXPECT_EQ(GetJson("/api/models/acme/many/tree/main?limit=7").size(), 7U);
}

TEST_F(ReadApiTest, ExpandedEntryNamesTheCommitThatChangedItLast) {
  const RepoRef repo = MakeRepo("acme/otter", {{"a", "1"}, {"b", "1"}});
  const std::string first = *sim_->ResolveRevision(repo, "main");
  const std::string second = Commit(repo, {{"b", "2"}});

  const json entries = GetJson("/api/models/acme/otter/tree/main?expand=true");

  EXPECT_EQ(entries[0].at("lastCommit").at("id"), first);
  EXPECT_EQ(entries[1].at("lastCommit").at("id"), second);
  EXPECT_EQ(entries[0].at("securityFileStatus").at("status"), "unscanned");
}

TEST_F(ReadApiTest, OddNamesAreEncodedOnceAndDecodedOnce) {
  const std::vector<std::string> names = {
      "a b.txt", "a#b?c%41.txt", "plus+.txt", "gr\xc3\xbc\xc3\x9f.txt", ".hidden", std::string(255, 'n')};
  FileSet files;
  for (const std::string& name : names) files["dir/" + name] = name;
  MakeRepo("acme/odd", files);

  EXPECT_EQ(GetJson("/api/models/acme/odd/tree/main/dir").size(), names.size());
  EXPECT_EQ(GetFollowing(Url("/acme/odd/resolve/main/dir/a%20b.txt")).body, names[0]);
  EXPECT_EQ(GetFollowing(Url("/acme/odd/resolve/main/dir%2Fa%23b%3Fc%2541.txt")).body, names[1]);
  EXPECT_EQ(GetFollowing(Url("/acme/odd/resolve/main/dir/plus+.txt")).body, names[2]);
  EXPECT_EQ(GetFollowing(Url("/acme/odd/resolve/main/dir/gr%C3%BC%C3%9F.txt")).body, names[3]);
}

TEST_F(ReadApiTest, PathsInfoTakesFormAndJson) {
  MakeRepo("acme/otter", kOtter);
  const std::string target = "/api/models/acme/otter/paths-info/main";

  const RawAnswer form = Send({.method = "POST",
                               .url = Url(target),
                               .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                               .body = "paths=config.json&paths=weights&paths=none&expand=false"});
  const RawAnswer as_json = Post(target, R"({"paths":["config.json"],"expand":true})", {});

  EXPECT_THAT(Pluck(json::parse(form.body), "path"), ElementsAre("config.json", "weights"));
  EXPECT_TRUE(json::parse(as_json.body)[0].contains("lastCommit"));
  EXPECT_EQ(Post(target, "{}", {}).status, 400);
}

TEST_F(ReadApiTest, RefsAndCommitsTellTheHistory) {
  const RepoRef repo = MakeRepo("acme/otter", {{"a", "1"}});
  Commit(repo, {{"a", "2"}});
  Commit(repo, {{"a", "3"}}, "refs/pr/1");
  ASSERT_TRUE(sim_->SetRef(repo, "refs/tags/v1", "main").ok());

  const json refs = GetJson("/api/models/acme/otter/refs?include_prs=1");
  EXPECT_EQ(refs.at("branches")[0].at("ref"), "refs/heads/main");
  EXPECT_EQ(refs.at("tags")[0].at("name"), "v1");
  EXPECT_EQ(refs.at("pullRequests")[0].at("ref"), "refs/pr/1");
  EXPECT_FALSE(GetJson("/api/models/acme/otter/refs").contains("pullRequests"));

  const RawAnswer page = Get(Url("/api/models/acme/otter/commits/main?limit=1"));
  EXPECT_EQ(page.Header("X-Total-Count"), "2");
  EXPECT_EQ(json::parse(Get(NextOf(page)).body).size(), 1U);
}

TEST_F(ReadApiTest, TreeSizeSumsAFolder) {
  MakeRepo("acme/otter", kOtter);

  EXPECT_EQ(GetJson("/api/models/acme/otter/treesize/main/weights").at("size"), 6'000'000);
}

TEST_F(ReadApiTest, NamesWithoutNamespaceWork) {
  MakeRepo("gpt2", {{"config.json", "{}"}});

  EXPECT_EQ(GetJson("/api/models/gpt2").at("id"), "gpt2");
  EXPECT_EQ(GetJson("/api/models/gpt2/tree/main").size(), 1U);
  EXPECT_EQ(GetFollowing(Url("/gpt2/resolve/main/config.json")).body, "{}");
}

TEST_F(ReadApiTest, SmallCallsOfOtherClientsAreAnswered) {
  EXPECT_EQ(Head(Url("/api/telemetry/topic")).status, 200);
  EXPECT_EQ(Get(Url("/api/agent-harnesses")).status, 404);
  MakeRepo("acme/otter", kOtter);
  EXPECT_EQ(Get(Url("/api/models/acme/otter/xet-read-token/main")).status, 404);
  EXPECT_EQ(GetJson("/api/models-tags-by-type?type=license").at("license")[0].at("label"), "mit");
}

}  // namespace
}  // namespace batuta::hubsim
