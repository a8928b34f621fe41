#include "common/types/repo_id.h"

#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using ::testing::HasSubstr;

struct Good {
  std::string_view id;
  std::string_view space;
  std::string_view name;
  std::string_view folder;
};

class WellFormedRepoId : public ::testing::TestWithParam<Good> {};

TEST_P(WellFormedRepoId, IsTakenApartAndBackAgain) {
  ASSERT_OK_AND_ASSIGN(const RepoId repo, RepoId::Parse(RepoType::kModel, GetParam().id));
  EXPECT_EQ(repo.id(), GetParam().id);
  EXPECT_EQ(repo.repo_namespace(), GetParam().space);
  EXPECT_EQ(repo.name(), GetParam().name);
  EXPECT_EQ(repo.folder(), GetParam().folder);
  EXPECT_THAT(RepoId::FromFolder(repo.folder()), IsOkAndHolds(repo));
}

INSTANTIATE_TEST_SUITE_P(
    Ids, WellFormedRepoId,
    ::testing::Values(Good{"gpt2", "", "gpt2", "models--gpt2"},
                      Good{"acme/otter-7b", "acme", "otter-7b", "models--acme--otter-7b"},
                      Good{"Acme/Otter_7.5", "Acme", "Otter_7.5", "models--Acme--Otter_7.5"},
                      Good{"a/b", "a", "b", "models--a--b"}, Good{"_a/b_", "_a", "b_", "models--_a--b_"},
                      Good{"a.b-c/d_e.f", "a.b-c", "d_e.f", "models--a.b-c--d_e.f"},
                      Good{"models/models", "models", "models", "models--models--models"}));

TEST(RepoIdTest, TakesPartsOfUpTo96Characters) {
  const std::string longest(96, 'x');
  EXPECT_THAT(RepoId::Parse(RepoType::kModel, longest + "/" + longest), IsOk());
  EXPECT_THAT(RepoId::Parse(RepoType::kModel, longest + "x"), HasReason("INVALID_REPO_ID"));
  EXPECT_THAT(RepoId::Parse(RepoType::kModel, "a/" + longest + "x"), HasReason("INVALID_REPO_ID"));
}

class MalformedRepoId : public ::testing::TestWithParam<std::string_view> {};

TEST_P(MalformedRepoId, IsRefusedWithTheRule) {
  const auto repo = RepoId::Parse(RepoType::kModel, GetParam());
  EXPECT_THAT(repo, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(repo, HasReason("INVALID_REPO_ID"));
  EXPECT_THAT(HintOf(repo.status()), HasSubstr("namespace/name"));
}

TEST(RepoIdTest, ALetterOfAnotherAlphabetIsNamed) {
  const absl::Status status = RepoId::Parse(RepoType::kModel, "m\u0435ta-llama/otter").status();

  EXPECT_THAT(status, HasReason("INVALID_REPO_ID"));
  EXPECT_THAT(HintOf(status), HasSubstr("the character U+0435 in it is none of A-Z, a-z and 0-9"));
}

INSTANTIATE_TEST_SUITE_P(Ids, MalformedRepoId,
                         ::testing::Values("", "/", "a/", "/b", "a//b", "a/b/c", "datasets/foo/bar", "a--b",
                                           "a/b--c", "a..b", "../x", "..", ".", "./a", "a/.", "a/..", "-a",
                                           "a-", "a/-b", "a/b-", ".a", "a.", "a/b.", "a/b.git", "b.git",
                                           "a b", "a/b ", " a", "a\\b", "a/b\n", std::string_view("a\0b", 3),
                                           "a:b", "ünïcode/x", "a/日本", "a%2Fb", "a/b?x", "a/b#x", "a@main",
                                           "~a", "a/*"));

TEST(RepoIdTest, ErrorEscapesControlsAndCutsWhatIsLong) {
  const auto repo = RepoId::Parse(RepoType::kModel, "a\x1b[2J" + std::string(10'000, 'x'));
  EXPECT_THAT(repo, HasMessage(HasSubstr("\\x1b[2J")));
  EXPECT_LT(MessageOf(repo.status()).size(), 400u);
}

TEST(RepoIdTest, TypeDecidesFolderApiSegmentAndUrlPrefix) {
  struct {
    RepoType type;
    std::string_view folder, segment, prefix;
  } const cases[] = {{RepoType::kModel, "models--a--b", "models", ""},
                     {RepoType::kDataset, "datasets--a--b", "datasets", "datasets/"},
                     {RepoType::kSpace, "spaces--a--b", "spaces", "spaces/"}};

  for (const auto& expected : cases) {
    ASSERT_OK_AND_ASSIGN(const RepoId repo, RepoId::Parse(expected.type, "a/b"));
    EXPECT_EQ(repo.folder(), expected.folder);
    EXPECT_EQ(repo.api_segment(), expected.segment);
    EXPECT_EQ(repo.url_prefix(), expected.prefix);
    EXPECT_THAT(RepoId::FromFolder(expected.folder), IsOkAndHolds(repo));
  }
}

class ForeignFolder : public ::testing::TestWithParam<std::string_view> {};

TEST_P(ForeignFolder, IsNoRepo) {
  EXPECT_THAT(RepoId::FromFolder(GetParam()), HasReason("INVALID_REPO_ID"));
}

INSTANTIATE_TEST_SUITE_P(Names, ForeignFolder,
                         ::testing::Values("", "models", "models--", "models----", "model--a--b",
                                           "kernels--a--b", "models--a--b--c", "models--a/b", "models--../x",
                                           "models--a---b", ".locks", "models--a--", "models----a",
                                           "Models--a--b", "models--a--b.git"));

TEST(RepoIdTest, EqualAndHashByTypeAndId) {
  ASSERT_OK_AND_ASSIGN(const RepoId model, RepoId::Parse(RepoType::kModel, "a/b"));
  ASSERT_OK_AND_ASSIGN(const RepoId same, RepoId::Parse(RepoType::kModel, "a/b"));
  ASSERT_OK_AND_ASSIGN(const RepoId dataset, RepoId::Parse(RepoType::kDataset, "a/b"));
  ASSERT_OK_AND_ASSIGN(const RepoId other_case, RepoId::Parse(RepoType::kModel, "A/b"));
  EXPECT_EQ(model, same);
  EXPECT_NE(model, dataset);
  EXPECT_NE(model, other_case);
  EXPECT_LT(model, dataset);
  EXPECT_EQ((std::unordered_set<RepoId>{model, same, dataset, other_case}).size(), 3u);
}

TEST(RepoTypeTest, IsReadInSingularAndPlural) {
  EXPECT_THAT(ParseRepoType("model"), IsOkAndHolds(RepoType::kModel));
  EXPECT_THAT(ParseRepoType("datasets"), IsOkAndHolds(RepoType::kDataset));
  EXPECT_THAT(ParseRepoType("space"), IsOkAndHolds(RepoType::kSpace));
  for (const std::string_view text : {"", "Model", "kernel", "models/", "modelss"}) {
    EXPECT_THAT(ParseRepoType(text), HasReason("INVALID_REPO_ID")) << text;
  }
  for (const RepoType type : {RepoType::kModel, RepoType::kDataset, RepoType::kSpace}) {
    EXPECT_THAT(ParseRepoType(ToString(type)), IsOkAndHolds(type));
  }
}

}  // namespace
}  // namespace batuta
