#include "daemon/push/assembly.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

constexpr char kGit[] = "1111111111111111111111111111111111111111";

RepoPath Path(std::string_view text) {
  return RepoPath::Parse(text).value();
}

BlobId Sha256(char digit) {
  return BlobId::Parse(std::string(64, digit)).value();
}

PushRequest Request(RepoType type = RepoType::kModel) {
  return {.repo = RepoId::Parse(type, "mira/otter").value(), .path = "/tmp/otter"};
}

struct World {
  FolderListing listing;
  std::vector<std::optional<ContentId>> ids;
  RemoteState remote;

  void Local(std::string_view path, uint64_t size, char digit) {
    listing.files.push_back({Path(path), {.size_bytes = size}});
    ids.push_back(ContentId{Sha256(digit), BlobId::Parse(std::string(40, digit)).value()});
  }

  void Remote(std::string_view path, uint64_t size, BlobId blob) {
    if (!remote.tree) remote.tree = Tree{CommitId::Parse(kGit).value(), {}};
    remote.exists = remote.has_branch = true;
    remote.tree->entries.push_back({.path = Path(path), .size_bytes = size, .blob = std::move(blob)});
  }

  PushPlan Plan(const PushRequest& request = Request()) const {
    return Assemble(request, listing, ids, remote);
  }

  bool WantsCard(const PushRequest& request) const {
    return push::WantsCard(request, listing, remote, Plan(request));
  }
};

auto Is(std::string path, Change change) {
  return testing::AllOf(Field(&PlannedPushFile::path, path), Field(&PlannedPushFile::change, change));
}

TEST(AssemblyTest, TellsWhatIsMade) {
  World world;
  world.Local("a", 3, 'a');
  PushPlan plan = world.Plan();
  EXPECT_TRUE(plan.creates_repo);
  EXPECT_FALSE(plan.creates_branch);
  EXPECT_FALSE(plan.head);
  PushRequest request = Request();
  request.is_private = true;
  EXPECT_TRUE(world.Plan(request).is_private);
  world.Remote("b", 3, Sha256('b'));
  world.remote.has_branch = false;
  plan = world.Plan(request);
  EXPECT_FALSE(plan.creates_repo);
  EXPECT_TRUE(plan.creates_branch);
  EXPECT_FALSE(plan.is_private) << "a repo that is there stays what it is";
}

TEST(AssemblyTest, NothingPrivateGoesToARepoThatEverybodyReads) {
  World world;
  world.Local("a", 3, 'a');
  world.Remote("b", 3, Sha256('b'));
  PushRequest request = Request();
  EXPECT_TRUE(world.Plan(request).refusals.empty());
  request.is_private = true;
  const PushPlan plan = world.Plan(request);
  ASSERT_EQ(plan.refusals.size(), 1U);
  EXPECT_EQ(plan.refusals[0].reason, "NOT_PUSHABLE");
  world.remote.is_private = true;
  EXPECT_TRUE(world.Plan(request).refusals.empty());
}

TEST(AssemblyTest, WhatDiffersIsToldByPathAndWhatIsIgnoredLast) {
  World world;
  world.Local("a", 3, 'a');
  world.Local("b", 3, 'b');
  world.Local("c", 3, 'c');
  world.listing.ignored = {{"aa/", "`aa/` in .gitignore, line 1"}};
  world.Remote("b", 3, Sha256('b'));
  world.Remote("c", 3, Sha256('d'));
  world.Remote("gone", 3, Sha256('e'));
  PushRequest request = Request();
  request.delete_globs = {"*"};
  EXPECT_THAT(world.Plan(request).files,
              ElementsAre(Is("a", Change::kAdded), Is("b", Change::kUnchanged), Is("c", Change::kModified),
                          Is("gone", Change::kDeleted), Is("aa/", Change::kIgnored)));
}

TEST(AssemblyTest, WhatStandsInTheWayIsTold) {
  World world;
  world.Local("a", 3, 'a');
  world.listing.objections = {{"pipe", "is a pipe"}};
  EXPECT_THAT(world.Plan().refusals, ElementsAre(Refusal{"pipe", reason::kNotPushable, "is a pipe"}));
}

TEST(AssemblyTest, ACopyOfWhatTheRepoHasCostsNothing) {
  World world;
  world.Local("a", 3'000'000, 'a');
  world.Local("b", 3'000'000, 'b');
  world.Remote("old-name", 3'000'000, Sha256('b'));
  PushPlan plan = world.Plan();
  Conclude("", &plan);
  EXPECT_EQ(plan.files[1].copy_of, "old-name");
  EXPECT_EQ(plan.bytes_to_send, 3'000'000u);
  EXPECT_EQ(plan.commits, 1u);
}

TEST(AssemblyTest, ACardIsWantedOfWholeModelsThatHaveNone) {
  World world;
  world.Local("config.json", 3, 'a');
  EXPECT_TRUE(world.WantsCard(Request()));
  EXPECT_FALSE(world.WantsCard(Request(RepoType::kDataset)));
  PushRequest without = Request();
  without.makes_card = false;
  EXPECT_FALSE(world.WantsCard(without));
  World with_remote = world;
  with_remote.Remote("README.md", 3, Sha256('b'));
  EXPECT_FALSE(with_remote.WantsCard(Request())) << "the repo's own stays";
  with_remote.Local("README.md", 3, 'c');
  EXPECT_TRUE(with_remote.WantsCard(Request())) << "that of the folder is completed";
}

TEST(AssemblyTest, ACardThatWasMadeIsMadeAnewWhereWhatTheFolderHasNotIsDeleted) {
  World world;
  world.Local("config.json", 3, 'a');
  // The git sha1 of "hello\n".
  world.Remote("README.md", 6, BlobId::Parse("ce013625030ba8dba906f756967f9e9ca394464a").value());
  PushRequest request = Request();
  request.delete_globs = {"*"};
  ASSERT_TRUE(world.WantsCard(request));
  PushPlan plan = world.Plan(request);
  EXPECT_EQ(plan.card, card::CardKind::kNone);
  card::Card card;
  card.kind = card::CardKind::kGenerated;
  card.readme = "hello\n";
  ASSERT_THAT(AddCard(card, world.remote, &plan), IsOk());
  EXPECT_THAT(plan.files,
              ElementsAre(Is("README.md", Change::kUnchanged), Is("config.json", Change::kAdded)));
}

TEST(AssemblyTest, ACardThatIsMadeIsSentUnlessTheRepoHasItAlready) {
  World world;
  world.Local("config.json", 3, 'a');
  PushPlan plan = world.Plan();
  card::Card card;
  card.kind = card::CardKind::kGenerated;
  card.readme = "hello\n";
  card.files = {{"curve.svg", "<svg/>"}};
  ASSERT_THAT(AddCard(card, world.remote, &plan), IsOk());
  EXPECT_THAT(plan.files, ElementsAre(Is("README.md", Change::kAdded), Is("config.json", Change::kAdded),
                                      Is("curve.svg", Change::kAdded)));
  EXPECT_EQ(*plan.files[0].made, "hello\n");
  // The git sha1 of "hello\n".
  world.Remote("README.md", 6, BlobId::Parse("ce013625030ba8dba906f756967f9e9ca394464a").value());
  PushPlan again = world.Plan();
  ASSERT_THAT(AddCard(card, world.remote, &again), IsOk());
  EXPECT_EQ(again.files[0].change, Change::kUnchanged);
}

TEST(AssemblyTest, TheHubHasTheLastWordOnHowAFileIsSent) {
  World world;
  world.Local("a", 3, 'a');
  world.Local("b", 0, 'b');
  world.Local("c", 3, 'c');
  world.Local("d", 3, 'd');
  PushPlan plan = world.Plan();
  Take({{.path = Path("a"), .is_lfs = true},
        {.path = Path("b"), .is_lfs = true},
        {.path = Path("c"), .is_ignored = true},
        {.path = Path("d"), .existing = Sha256('d')}},
       {0, 1, 2, 3}, &plan);
  EXPECT_TRUE(plan.files[0].is_lfs);
  EXPECT_FALSE(plan.files[1].is_lfs) << "no store takes an object without bytes";
  EXPECT_EQ(plan.files[2].change, Change::kIgnored);
  EXPECT_EQ(plan.files[3].change, Change::kUnchanged);
}

TEST(AssemblyTest, NothingToDoIsNoCommit) {
  World world;
  world.Local("a", 3, 'a');
  world.Remote("a", 3, Sha256('a'));
  PushPlan plan = world.Plan();
  Conclude("", &plan);
  EXPECT_EQ(plan.commits, 0u);
  EXPECT_EQ(plan.bytes_to_send, 0u);
  EXPECT_THAT(plan.refusals, IsEmpty());
}

}  // namespace
}  // namespace batuta::push
