#include <string>
#include <vector>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kCommit(40, 'a');

// A cache with `acme/otter` as model, `acme/notes` as dataset, and `acme/both` as either.
class CacheCommandsTest : public ClientTest {
 protected:
  CacheCommandsTest() {
    Answer([](FakeDaemon::Answers& answers) {
      v1::CachedRepo& otter = *answers.cache.add_repos();
      *otter.mutable_repo() = Repo("acme/otter");
      otter.add_revisions()->set_commit(kCommit);
      *answers.cache.add_repos()->mutable_repo() = Repo("acme/notes", v1::REPO_TYPE_DATASET);
      *answers.cache.add_repos()->mutable_repo() = Repo("acme/both");
      *answers.cache.add_repos()->mutable_repo() = Repo("acme/both", v1::REPO_TYPE_SPACE);
      for (const char* id : {"acme/otter", "acme/notes", "acme/both", "gpt2"}) {
        v1::EvictionLine& line = *answers.removals[id].add_lines();
        *line.mutable_repo() = Repo(id);
        line.set_goes(true);
        answers.removals[id].set_freed_bytes(10);
      }
    });
  }

  // `TYPE ID REVISION` of what was to be removed.
  std::vector<std::string> Removed() const {
    std::vector<std::string> texts;
    for (const v1::RemoveRequest& request : daemon_.calls().removals) {
      const char* type = request.repo().type() == v1::REPO_TYPE_MODEL     ? "model"
                         : request.repo().type() == v1::REPO_TYPE_DATASET ? "dataset"
                                                                          : "space";
      texts.push_back(std::string(type) + " " + request.repo().id() + " " + request.revision());
    }
    return texts;
  }
};

TEST_F(CacheCommandsTest, TargetsAreSpelledInSeveralWays) {
  EXPECT_EQ(Run({"hf", "cache", "rm", "model", "acme/otter", "dataset/acme/notes", "acme/otter", "acme/notes",
                 "space", "acme/both", "gpt2", "model/gpt2"})
                .code,
            0);

  EXPECT_THAT(Removed(),
              ElementsAre("model acme/otter ", "dataset acme/notes ", "model acme/otter ",
                          "dataset acme/notes ", "space acme/both ", "model gpt2 ", "model gpt2 "));
}

TEST_F(CacheCommandsTest, ACachedCommitStandsForItself) {
  EXPECT_EQ(Run({"hf", "cache", "rm", kCommit}).code, 0);
  EXPECT_THAT(Removed(), ElementsAre("model acme/otter " + kCommit));

  EXPECT_EQ(Run({"hf", "cache", "rm", std::string(40, 'f')}).code, 10);
  EXPECT_EQ(Run({"hf", "cache", "rm", kCommit, "--revision", "main"}).code, 2);
}

TEST_F(CacheCommandsTest, ANameThatIsCachedTwiceIsAQuestion) {
  const RunResult result = Run({"hf", "cache", "rm", "acme/otter", "acme/both"});

  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("model/acme/both or space/acme/both"));
  EXPECT_THAT(Removed(), IsEmpty());
}

TEST_F(CacheCommandsTest, MalformedTargetsAreRefusedBeforeTheDaemonIsAsked) {
  const std::vector<std::vector<std::string>> lines = {{"rm"},
                                                       {"rm", "model"},
                                                       {"rm", "a//b"},
                                                       {"rm", "model/"},
                                                       {"rm", "../x"},
                                                       {"rm", "a", "dataset"},
                                                       {"pin"},
                                                       {"pin", "a", "b"},
                                                       {"unpin"},
                                                       {"why", "a", "b"},
                                                       {"why", "--revision", "main"},
                                                       {"rm", "a", "--revision", "../x"},
                                                       {"ls", "--filter", "x"},
                                                       {"ls", "--sort", "x"},
                                                       {"ls", "--limit", "0"},
                                                       {"prune", "--older-than", "soon"},
                                                       {"prune", "--free", "much"},
                                                       {"prune", "all"},
                                                       {"df", "x"},
                                                       {"rescan", "x"}};
  for (std::vector<std::string> words : lines) {
    words.insert(words.begin(), {"hf", "cache"});
    EXPECT_EQ(Run(words).code, 2) << ::testing::PrintToString(words);
  }
  EXPECT_THAT(daemon_.calls().methods, IsEmpty());
}

TEST_F(CacheCommandsTest, RmSendsWhatWasAsked) {
  Run({"hf", "cache", "rm", "model", "acme/otter", "--revision", "v1", "--label", "Q4", "--force",
       "--dry-run", "-y"});

  const v1::RemoveRequest request = daemon_.calls().removals.at(0);
  EXPECT_EQ(request.revision(), "v1");
  EXPECT_EQ(request.label(), "Q4");
  EXPECT_TRUE(request.force());
  EXPECT_TRUE(request.dry_run());
  EXPECT_THAT(daemon_.calls().methods, Not(::testing::Contains("ListRepos"))) << "the type is named";
}

TEST_F(CacheCommandsTest, RmTriesAgainWhatIsNeededNoMore) {
  Answer([](FakeDaemon::Answers& answers) { answers.first_removal_is_refused = true; });

  const RunResult result = Run({"hf", "cache", "rm", "model/acme/otter", "model/gpt2", "--format", "json"});

  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(Removed(), ElementsAre("model acme/otter ", "model gpt2 ", "model acme/otter "));
  EXPECT_EQ(nlohmann::json::parse(result.out)["freed_bytes"], 20);
}

TEST_F(CacheCommandsTest, RmTriesAllAndTheFirstErrorDecides) {
  const RunResult result =
      Run({"hf", "cache", "rm", "model/acme/used", "model/acme/otter", "--format", "json"});

  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(ErrorOf(result)["reason"], "IN_USE");
  EXPECT_EQ(nlohmann::json::parse(result.out)["selections"].size(), 1u);
  EXPECT_EQ(Removed().size(), 3u) << "once more when another went, and no more";
}

TEST_F(CacheCommandsTest, RmOfWhatIsPinnedFails) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.errors["Remove"] =
        MakeError(absl::StatusCode::kFailedPrecondition, reason::kPinned, "pinned: demo");
  });
  const RunResult result = Run({"hf", "cache", "rm", "model", "acme/otter"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("pinned: demo"));
}

TEST_F(CacheCommandsTest, PruneSendsWhatWasAsked) {
  Answer([](FakeDaemon::Answers& answers) { answers.prune.set_loose_files(2); });
  const RunResult result = Run({"hf", "cache", "prune", "--older-than", "1.5h", "--keep-last", "3", "--free",
                                "2GB", "--dry-run", "--yes", "--format", "json"});

  const v1::PruneRequest request = daemon_.calls().prunes.at(0);
  EXPECT_EQ(request.older_than().seconds(), 5400);
  EXPECT_EQ(request.keep_last(), 3u);
  EXPECT_EQ(request.free_bytes(), 2'000'000'000u);
  EXPECT_TRUE(request.dry_run());
  EXPECT_EQ(nlohmann::json::parse(result.out)["loose_files"], 2);

  Run({"hf", "cache", "prune"});
  EXPECT_FALSE(daemon_.calls().prunes.at(1).has_older_than());
}

TEST_F(CacheCommandsTest, PinAndUnpin) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.pin.set_commit(kCommit);
    answers.unpin.set_removed(1);
  });
  const RunResult pinned =
      Run({"hf", "cache", "pin", "acme/notes", "--revision", "main", "--reason", "demo", "--format", "json"});

  EXPECT_EQ(daemon_.calls().pins.at(0).repo().type(), v1::REPO_TYPE_DATASET) << "as it is cached";
  EXPECT_EQ(daemon_.calls().pins.at(0).revision(), "main");
  EXPECT_EQ(nlohmann::json::parse(pinned.out),
            nlohmann::json::parse(R"({"repo":"acme/notes","type":"dataset","commit":")" + kCommit +
                                  R"(","reason":"demo"})"));
  EXPECT_EQ(
      nlohmann::json::parse(Run({"hf", "cache", "unpin", "acme/notes", "--format", "json"}).out)["removed"],
      1);
  EXPECT_EQ(Run({"hf", "cache", "unpin", "acme/notes", "--format", "quiet"}).out, "1\n");
}

TEST_F(CacheCommandsTest, WhyIsOfEverythingOfARepoOrOfARevision) {
  Answer([](FakeDaemon::Answers& answers) {
    v1::EvictionLine& first = *answers.order.add_lines();
    first.set_commit(kCommit);
    first.add_refs("main");
    answers.order.add_lines()->set_commit(std::string(40, 'b'));
  });
  const auto lines = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"hf", "cache", "why"});
    words.insert(words.end(), {"--format", "json"});
    return nlohmann::json::parse(Run(words).out)["selections"].size();
  };

  EXPECT_EQ(lines({}), 2u);
  EXPECT_FALSE(daemon_.calls().explanations.back().has_repo());
  EXPECT_EQ(lines({"acme/otter"}), 2u);
  EXPECT_EQ(daemon_.calls().explanations.back().repo().id(), "acme/otter");
  EXPECT_EQ(lines({"acme/otter", "--revision", "main"}), 1u);
  EXPECT_EQ(lines({kCommit}), 1u);
  EXPECT_EQ(Run({"hf", "cache", "why", "acme/otter", "--revision", "nope"}).code, 10);
}

TEST_F(CacheCommandsTest, WhyRepeatsWhyAVariantWasChosen) {
  Answer([](FakeDaemon::Answers& answers) {
    for (const std::string& commit : {kCommit, std::string(40, 'b')}) {
      v1::EvictionLine& line = *answers.order.add_lines();
      line.set_commit(commit);
      if (commit == kCommit) line.add_refs("main");
      v1::SelectionChoice& choice = *answers.order.add_choices();
      choice.set_commit(commit);
      choice.set_label("Q8_0");
      choice.set_text("it fits the GPU \x1b[2J");
      choice.mutable_at()->set_seconds(1'792'999'000);
    }
  });

  EXPECT_THAT(Run({"hf", "cache", "why", "acme/otter"}).err,
              HasSubstr("chosen: Q8_0 of " + kCommit.substr(0, 12) + ": it fits the GPU \\x1b[2J ("));
  const auto all = nlohmann::json::parse(Run({"hf", "cache", "why", "acme/otter", "--format", "json"}).out);
  EXPECT_EQ(all["choices"].size(), 2u);
  EXPECT_EQ(all["choices"][0],
            nlohmann::json::parse(R"({"commit":")" + kCommit +
                                  R"(","label":"Q8_0","reason":"it fits the GPU \u001b[2J",)" +
                                  R"("at":"2026-10-26T07:16:40.000Z"})"));
  const auto of_one = nlohmann::json::parse(
      Run({"hf", "cache", "why", "acme/otter", "--revision", "main", "--format", "json"}).out);
  EXPECT_EQ(of_one["choices"].size(), 1u);
}

TEST_F(CacheCommandsTest, DfAndRescan) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.usage.set_used_bytes(70);
    answers.survey.set_repos(4);
  });

  EXPECT_EQ(Run({"hf", "cache", "df", "--format", "quiet"}).out, "70\n");
  EXPECT_EQ(Run({"hf", "cache", "rescan", "--format", "quiet"}).out, "4\n");
}

TEST_F(CacheCommandsTest, LsFiltersSortsAndLimits) {
  const RunResult result = Run(
      {"hf", "cache", "ls", "-f", "type=model", "--sort", "name:desc", "--limit", "1", "--format", "quiet"});
  EXPECT_EQ(result.out, "model acme/otter\n");
}

}  // namespace
}  // namespace batuta::client
