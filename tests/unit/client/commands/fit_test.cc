#include <filesystem>
#include <fstream>
#include <string>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kGiB = uint64_t{1} << 30;

class FitTest : public ClientTest {
 protected:
  // A machine of 64 GiB without GPUs.
  FitTest() {
    std::filesystem::create_directories(folder_ / "root/proc");
    std::ofstream(folder_ / "root/proc/meminfo") << "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n";
    client_.variables["BATUTA_FIT_ROOT"] = (folder_ / "root").native();
  }

  void AnswerWith(const std::string& chosen) {
    Answer([&](FakeDaemon::Answers& answers) {
      v1::Fit& fit = *answers.fit.mutable_fit();
      fit.set_commit("c0ffee");
      fit.set_chosen(chosen);
      for (const auto& [label, bytes] : {std::pair("F16", 16'000), std::pair("Q8_0", 8'000)}) {
        v1::FitCandidate& candidate = *fit.add_candidates();
        candidate.set_label(label);
        candidate.add_files(std::string("a-") + label + ".gguf");
        candidate.set_total_bytes(static_cast<uint64_t>(bytes));
        candidate.set_fits(label == chosen);
      }
    });
  }

  v1::FitRequest Asked() {
    const auto fits = daemon_.calls().fits;
    return fits.empty() ? v1::FitRequest() : fits.back();
  }
};

TEST_F(FitTest, AsksForTheMachineOfTheCaller) {
  AnswerWith("Q8_0");

  const RunResult result =
      Run({"hf", "fit", "acme/otter", "--revision", "v1", "--context", "32768", "--fit-target", "gpu",
           "--cache-type", "q4_0", "--allow-unknown", "--offline"});

  EXPECT_EQ(result.code, 0) << result.err;
  const v1::FitRequest asked = Asked();
  EXPECT_EQ(asked.repo().id(), "acme/otter");
  EXPECT_EQ(asked.repo().type(), v1::REPO_TYPE_MODEL);
  EXPECT_EQ(asked.revision(), "v1");
  EXPECT_TRUE(asked.offline());
  EXPECT_EQ(asked.spec().context(), 32768u);
  EXPECT_EQ(asked.spec().target(), v1::FIT_TARGET_GPU);
  EXPECT_EQ(asked.spec().cache_type(), "q4_0");
  EXPECT_TRUE(asked.spec().allow_unknown());
  EXPECT_LE(asked.spec().machine().memory().available_bytes(), 32 * kGiB);
  EXPECT_GT(asked.spec().machine().memory().available_bytes(), 0u);
}

TEST_F(FitTest, AFlagIsStrongerThanAVariableAndThatThanTheMachine) {
  AnswerWith("Q8_0");
  Run({"hf", "fit", "a/b"});
  EXPECT_EQ(Asked().spec().machine().devices_size(), 0);

  client_.variables["BATUTA_FIT_MEMORY"] = "16GiB";
  client_.variables["BATUTA_FIT_VRAM"] = "8GiB";
  Run({"hf", "fit", "a/b"});
  EXPECT_EQ(Asked().spec().machine().memory().available_bytes(), 16 * kGiB);
  EXPECT_EQ(Asked().spec().machine().devices(0).free_bytes(), 8 * kGiB);

  Run({"hf", "fit", "a/b", "--memory", "4GiB", "--vram", "0"});
  EXPECT_EQ(Asked().spec().machine().memory().available_bytes(), 4 * kGiB);
  EXPECT_EQ(Asked().spec().machine().devices_size(), 0);
}

TEST_F(FitTest, AVariableThatIsNoSizeIsNamed) {
  client_.variables["BATUTA_FIT_VRAM"] = "lots";
  const RunResult result = Run({"hf", "fit", "a/b"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("BATUTA_FIT_VRAM"));
  EXPECT_TRUE(daemon_.calls().fits.empty());
}

TEST_F(FitTest, SaysWhatItWouldChoose) {
  AnswerWith("Q8_0");

  EXPECT_EQ(Run({"hf", "fit", "a/b", "--format", "quiet"}).out, "Q8_0\n");
  const auto document = nlohmann::json::parse(Run({"hf", "fit", "a/b", "--format", "json"}).out);
  EXPECT_EQ(document["repo"], "a/b");
  EXPECT_EQ(document["revision"], "main");
  EXPECT_EQ(document["chosen"], "Q8_0");
  EXPECT_EQ(document["candidates"].size(), 2u);
}

TEST_F(FitTest, NothingFitsIsADocumentAndAnError) {
  AnswerWith("");

  const RunResult result = Run({"hf", "fit", "a/b", "--format", "json"});

  EXPECT_EQ(result.code, 7);
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_TRUE(document["chosen"].is_null());
  EXPECT_EQ(document["candidates"].size(), 2u);
  EXPECT_EQ(ErrorOf(result)["reason"], "NO_VARIANT_FITS");
  EXPECT_THAT(ErrorOf(result)["message"].get<std::string>(), HasSubstr("the smallest, Q8_0, needs 8 kB"));
  const RunResult quiet = Run({"hf", "fit", "a/b", "--format", "quiet"});
  EXPECT_EQ(quiet.code, 7);
  EXPECT_EQ(quiet.out, "");
}

TEST_F(FitTest, ErrorsOfTheDaemonKeepTheirCode) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.errors["Fit"] =
        MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound, "no model with variants");
  });
  const RunResult result = Run({"hf", "fit", "a/b"});
  EXPECT_EQ(result.code, 4);
  EXPECT_EQ(result.out, "");
}

}  // namespace
}  // namespace batuta::client
