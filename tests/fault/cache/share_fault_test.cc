// The power goes, or the process is killed, at every single step of giving a repo what another one has, and
// of taking it away again.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/fault/cache/small_pull.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::cache {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::IsEmpty;

constexpr std::string_view kBadgerFolder = "/hub/models--acme--badger";

RepoId Badger() {
  return RepoId::Parse(RepoType::kModel, "acme/badger").value();
}

CommitId BadgerCommit() {
  return CommitId::Parse(std::string(40, '4')).value();
}

Entry BadgerEntry() {
  return {RepoPath::Parse("otter/model.onnx").value(), OtterBytes().size(), OtterBlob(),
          std::string(40, 'e')};
}

// As a pull does it that finds its blob in another repo.
absl::Status PullBadger(Cache& cache) {
  RETURN_IF_ERROR(cache.WriteTree(Badger(), {BadgerCommit(), {BadgerEntry()}}));
  ASSIGN_OR_RETURN(bool is_linked, cache.LinkExisting(Badger(), BadgerCommit(), BadgerEntry()));
  if (!is_linked) {
    ASSIGN_OR_RETURN(auto staged, cache.StageFrom(Otter(), Badger(), OtterBlob(), OtterBytes().size()));
    if (!staged.has_value()) return absl::InternalError("the blob is not there");
    std::vector<StagedBlob> group;
    group.push_back(*std::move(staged));
    RETURN_IF_ERROR(cache.Publish(std::move(group)).front());
    ASSIGN_OR_RETURN(is_linked, cache.LinkExisting(Badger(), BadgerCommit(), BadgerEntry()));
    if (!is_linked) return absl::InternalError("the blob cannot be linked");
  }
  return cache.WriteRef(Badger(), Revision::Main(), BadgerCommit());
}

absl::Status Share(Machine& machine) {
  ASSIGN_OR_RETURN(const auto cache, machine.OpenCache());
  return PullBadger(*cache);
}

absl::Status RemoveFrom(Machine& machine, const RepoId& repo, const CommitId& commit,
                        const std::vector<std::string>& paths) {
  ASSIGN_OR_RETURN(const auto cache, machine.OpenCache());
  return cache->Remove(repo, commit, paths, [] { return true; }).status();
}

absl::Status RemoveBadger(Machine& machine) {
  return RemoveFrom(machine, Badger(), BadgerCommit(), {BadgerEntry().path.text()});
}

absl::Status RemoveOtter(Machine& machine) {
  std::vector<std::string> paths;
  for (const Entry& entry : OtterEntries()) paths.push_back(entry.path.text());
  return RemoveFrom(machine, Otter(), OtterCommit(), paths);
}

std::optional<std::string> BadgerFile(Machine& machine) {
  return machine.files.Get(std::string(kBadgerFolder) + "/snapshots/" + BadgerCommit().hex() + "/" +
                           BadgerEntry().path.text());
}

void ExpectConsistent(Machine& machine) {
  auto cache = machine.OpenCache();
  ASSERT_THAT(cache, IsOk());
  for (const RepoId& repo : {Otter(), Badger()}) {
    const auto survey = (*cache)->Survey(repo);
    ASSERT_THAT(survey, IsOk());
    EXPECT_THAT(survey->bad_refs, IsEmpty());
    for (const SurveyedSnapshot& snapshot : survey->snapshots) EXPECT_THAT(snapshot.broken_links, IsEmpty());
    const std::string blob = "/hub/" + repo.folder() + "/blobs/" + OtterBlob().hex();
    EXPECT_THAT(machine.files.Get(blob), AnyOf(Eq(std::nullopt), Eq(OtterBytes())));
  }
  EXPECT_THAT(BadgerFile(machine), AnyOf(Eq(std::nullopt), Eq(OtterBytes())));
  for (const std::string& path : machine.files.Paths()) {
    EXPECT_THAT(path, testing::Not(testing::HasSubstr("batuta"))) << "left over";
  }
}

struct Case {
  std::string name;
  bool is_power_cut = true;
};

class ShareFaultTest : public ::testing::TestWithParam<Case> {
 protected:
  // Runs `act` on a machine made by `given`, interrupted before each of its steps in turn; then `check` and
  // the act once more.
  template <typename Given, typename Act, typename Check>
  void AtEveryStep(Given given, Act act, Check check) {
    for (uint64_t n = 1;; ++n) {
      SCOPED_TRACE(n);
      Machine machine;
      ASSERT_THAT(given(machine), IsOk());
      if (GetParam().is_power_cut) {
        machine.files.CutPowerAtMutation(n);
      } else {
        machine.files.KillAtMutation(n);
      }
      const absl::Status status = act(machine);
      if (!machine.is_down()) {
        EXPECT_THAT(status, IsOk());
        EXPECT_GT(n, 5U) << "it took fewer steps than it must have";
        return;
      }
      if (GetParam().is_power_cut) {
        machine.StartAfterPowerCut();
      } else {
        machine.StartAfterKill();
      }
      ExpectConsistent(machine);
      check(machine);
      EXPECT_THAT(act(machine), IsOk()) << "the second try";
      ExpectConsistent(machine);
      if (HasFailure()) return;
    }
  }
};

TEST_P(ShareFaultTest, SharingLosesNothingOfTheOneAndShowsNothingWrongOfTheOther) {
  AtEveryStep([](Machine& machine) { return machine.Pull(); }, Share,
              [](Machine& machine) {
                ExpectWholePull(machine.files);
                const auto ref = machine.files.Get(std::string(kBadgerFolder) + "/refs/main");
                EXPECT_TRUE(!ref.has_value() || BadgerFile(machine) == OtterBytes())
                    << "a ref without its file";
              });
}

TEST_P(ShareFaultTest, RemovingItFromOneRepoLeavesTheOtherWhole) {
  const auto both = [](Machine& machine) {
    RETURN_IF_ERROR(machine.Pull());
    return Share(machine);
  };
  AtEveryStep(both, RemoveBadger, [](Machine& machine) { ExpectWholePull(machine.files); });
  AtEveryStep(both, RemoveOtter, [](Machine& machine) { EXPECT_EQ(BadgerFile(machine), OtterBytes()); });
}

INSTANTIATE_TEST_SUITE_P(How, ShareFaultTest, ::testing::Values(Case{"PowerCut", true}, Case{"Kill", false}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace batuta::cache
