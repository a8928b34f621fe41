#include "daemon/pull/fitter.h"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/gguf_repo/gguf_repo.h"
#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::pull {
namespace {

using formats::GgufModel;
using formats::HeaderSource;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint32_t kF16 = 1;
constexpr uint32_t kQ4K = 12;
constexpr uint32_t kQ5K = 13;
constexpr uint32_t kQ6K = 14;
constexpr uint32_t kQ8 = 8;

Machine MachineOf(uint64_t memory_bytes, uint64_t gpu_bytes = 0) {
  Machine machine;
  machine.memory = {.total_bytes = memory_bytes, .available_bytes = memory_bytes, .limited_by = ""};
  if (gpu_bytes > 0) {
    machine.devices.push_back({.name = "GPU",
                               .id = "0",
                               .kind = "nvidia",
                               .total_bytes = gpu_bytes,
                               .free_bytes = gpu_bytes,
                               .shares_memory = false});
  }
  return machine;
}

class FitterTest : public PullFixture {
 protected:
  FitterTest() {
    FitterContext context{.hub = hub_,
                          .cache = *cache_,
                          .core = core_,
                          .disk = disk_,
                          .headers = headers_,
                          .clock = clock_,
                          .room = [this] { return room_; }};
    fitter_ = std::make_unique<Fitter>(std::move(context));
    planner_ =
        std::make_unique<Planner>(planner_options_, hub_, *cache_, core_, disk_, nullptr, fitter_.get());
  }

  ~FitterTest() override { core_.RunUntilIdle(); }

  // A file of the model in the tree that is served as main.
  void Add(const std::string& path, const GgufModel& model, char digit) {
    const Entry entry{.path = RepoPath::Parse(path).value(),
                      .size_bytes = model.size_bytes,
                      .blob = BlobId::Parse(fmt::format("{}{:063}", digit, tree_.entries.size())).value(),
                      .git_oid = std::string(40, digit)};
    Add(entry, model);
  }

  void Add(const Entry& entry, const GgufModel& model) {
    tree_.entries.push_back(entry);
    hub_.ServeFile(entry.blob, std::make_shared<HeaderSource>(
                                   core_, model, [this, blob = entry.blob](transport::ByteRange range) {
                                     // The resolver points to another host, once for each file.
                                     const bool is_first = opened_.insert(blob).second;
                                     hub_.last_access().requests->fetch_add(is_first ? 2 : 1);
                                     requests_ += is_first ? 2 : 1;
                                     bytes_ += range.size();
                                     return refusal_;
                                   }));
  }

  void AddText(const std::string& path, uint64_t size_bytes, char digit) {
    tree_.entries.push_back({.path = RepoPath::Parse(path).value(),
                             .size_bytes = size_bytes,
                             .blob = BlobId::Parse(std::string(40, digit)).value(),
                             .git_oid = std::string(40, digit)});
  }

  // Twenty variants of one model, of six sizes.
  void AddTwenty() {
    const std::vector<std::pair<std::string, uint32_t>> labels = {
        {"F16", kF16},    {"Q8_0", kQ8},    {"Q6_K_L", kQ6K}, {"Q6_K", kQ6K},   {"Q5_K_L", kQ5K},
        {"Q5_K_M", kQ5K}, {"Q5_K_S", kQ5K}, {"Q4_K_L", kQ4K}, {"Q4_K_M", kQ4K}, {"Q4_K_S", kQ4K},
        {"IQ4_XS", 23},   {"IQ4_NL", 20},   {"Q4_0", 2},      {"Q3_K_L", 11},   {"Q3_K_M", 11},
        {"IQ3_M", 21},    {"IQ3_XS", 21},   {"Q2_K", 10},     {"IQ2_M", 22},    {"IQ2_XS", 17}};
    for (const auto& [label, type] : labels) {
      Add(fmt::format("otter-8b-{}.gguf", label), formats::LlamaModel(type, label), 'a');
    }
    Serve();
  }

  void Serve() { hub_.Serve(repo_, Revision::Main(), tree_); }

  absl::StatusOr<FitReport> Fit(const Machine& machine, fit::Wish wish = {}, bool offline = false) {
    PullRequest request = RequestFor(repo_);
    request.fit = FitWish{.wish = wish, .machine = machine};
    request.offline = offline;
    absl::StatusOr<FitReport> result = absl::UnknownError("the fitter did not call back");
    requests_ = 0;
    bytes_ = 0;
    opened_.clear();
    planner_->Fit(request, hub::Access{},
                  [&result](absl::StatusOr<FitReport> report) { result = std::move(report); });
    core_.RunUntilIdle();
    return result;
  }

  // Everything that was read.
  void Forget() {
    metadata::WriteBatch batch;
    ASSERT_THAT(store_.Scan(metadata::Table::kHeaders, {},
                            [&](std::string_view key, std::string_view) {
                              batch.Delete(metadata::Table::kHeaders, std::string(key));
                              return true;
                            }),
                IsOk());
    ASSERT_THAT(store_.Write(batch, metadata::Durability::kProcess), IsOk());
    clock_.Advance(std::chrono::hours(1));
  }

  PullRequest PullFor(const Machine& machine) {
    PullRequest request = RequestFor(repo_);
    request.fit = FitWish{.wish = {}, .machine = machine};
    return request;
  }

  static std::string ChosenOf(const FitReport& report) {
    return report.choice.chosen ? report.variants[*report.choice.chosen].label : "";
  }

  static std::vector<std::string> TakenBy(const PullPlan& plan) {
    std::vector<std::string> taken;
    for (const PlannedFile& file : plan.files) {
      if (file.action != PlannedFile::Action::kSkip) taken.push_back(file.entry.path.text());
    }
    return taken;
  }

  const RepoId repo_ = Model("acme/otter-gguf");
  Tree tree_{Commit('a'), {}};
  HeaderStore headers_{store_, clock_};
  std::optional<uint64_t> room_;
  std::unique_ptr<Fitter> fitter_;
  std::set<BlobId> opened_;
  uint32_t requests_ = 0;
  uint64_t bytes_ = 0;
  absl::Status refusal_;
};

TEST_F(FitterTest, WithMemoryForAllTheBestCostsTwoRequestsAndTheFirstBytesOfAFile) {
  AddTwenty();

  const absl::StatusOr<FitReport> report = Fit(MachineOf(512 * kGiB));

  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(ChosenOf(*report), "F16");
  EXPECT_LE(requests_, 2u);
  EXPECT_LE(bytes_, 100'000u);
  EXPECT_EQ(report->requests, requests_);
  EXPECT_EQ(report->read_bytes, bytes_);
  EXPECT_EQ(report->choice.context, 8'192u);
  EXPECT_EQ(report->choice.trained_context, 131'072u);
}

TEST_F(FitterTest, NoMachineCostsMoreThanSixRequestsAndTwelveMegabytes) {
  AddTwenty();
  for (const uint64_t gpu_gib : {0U, 4U, 6U, 8U, 10U, 12U, 16U, 24U}) {
    for (const uint64_t memory_gib : {4U, 6U, 8U, 12U, 16U, 32U}) {
      SCOPED_TRACE(fmt::format("{} GiB, GPU of {} GiB", memory_gib, gpu_gib));
      Forget();
      ASSERT_THAT(Fit(MachineOf(memory_gib * kGiB, gpu_gib * kGiB)), IsOk());
      EXPECT_LE(requests_, 6u);
      EXPECT_LE(bytes_, 12'000'000u);
    }
  }
}

TEST_F(FitterTest, TheSameQuestionAgainAsksNothing) {
  AddTwenty();
  for (const uint64_t gpu_gib : {0U, 6U, 8U, 10U}) {
    SCOPED_TRACE(gpu_gib);
    const absl::StatusOr<FitReport> first = Fit(MachineOf(12 * kGiB, gpu_gib * kGiB));
    ASSERT_THAT(first, IsOk());
    const absl::StatusOr<FitReport> again = Fit(MachineOf(12 * kGiB, gpu_gib * kGiB));
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(requests_, 0u);
    EXPECT_EQ(ChosenOf(*again), ChosenOf(*first));
  }
}

TEST_F(FitterTest, WhatIsRememberedIsRememberedByContentAndNotByName) {
  const GgufModel model = formats::LlamaModel(kQ4K);
  Add("otter-8b-Q4_K_M.gguf", model, 'a');
  Serve();
  ASSERT_THAT(Fit(MachineOf(32 * kGiB, 8 * kGiB)), IsOk());
  const Entry known = tree_.entries.front();
  tree_ = Tree{Commit('b'), {}};
  Add({.path = RepoPath::Parse("renamed.Q4_K_M.gguf").value(),
       .size_bytes = known.size_bytes,
       .blob = known.blob,
       .git_oid = known.git_oid},
      model);
  Serve();

  ASSERT_THAT(Fit(MachineOf(32 * kGiB, 8 * kGiB)), IsOk());

  EXPECT_EQ(requests_, 0u);
}

TEST_F(FitterTest, TensorsOfASecondVariantAreFoundInAWindow) {
  Add("otter-8b-Q8_0.gguf", formats::LlamaModel(kQ8), 'a');
  Add("otter-8b-Q6_K.gguf", formats::LlamaModel(kQ6K, "a longer note than the other has"), 'b');
  Serve();
  auto reading = std::make_shared<HeaderReading>(HeaderReading::Limits{}, hub_, core_, disk_, repo_,
                                                 tree_.commit, hub::Access{});
  std::vector<gguf::Header> headers;
  reading->ReadTensors(tree_.entries[0], nullptr, 128'256, [&](Reading<gguf::Header> read) {
    ASSERT_THAT(read.status, IsOk());
    headers.push_back(*read.value);
    const uint64_t walked = bytes_;
    reading->ReadTensors(tree_.entries[1], std::make_shared<const gguf::Header>(*read.value), 128'256,
                         [&, walked](Reading<gguf::Header> second) {
                           ASSERT_THAT(second.status, IsOk());
                           headers.push_back(*second.value);
                           EXPECT_LE(bytes_ - walked, 200'000u);
                         });
  });
  core_.RunUntilIdle();
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers[1].tensors.size(), headers[0].tensors.size());
  EXPECT_EQ(headers[1].tensors[0].type, kQ6K);
  EXPECT_LE(requests_, 5u);
}

TEST_F(FitterTest, AVocabularyThatIsTooLongToBeReadIsLeaptOver) {
  const GgufModel model = formats::LlamaModel(kQ8, {}, true);
  ASSERT_GT(model.header.size(), 12'500'000u);
  Add("otter-8b-Q8_0.gguf", model, 'a');
  Serve();
  auto reading = std::make_shared<HeaderReading>(HeaderReading::Limits{}, hub_, core_, disk_, repo_,
                                                 tree_.commit, hub::Access{});
  std::optional<gguf::Header> header;
  reading->ReadTensors(tree_.entries[0], nullptr, 201'088, [&](Reading<gguf::Header> read) {
    ASSERT_THAT(read.status, IsOk());
    header = *read.value;
  });
  core_.RunUntilIdle();
  ASSERT_TRUE(header);
  EXPECT_EQ(header->parameters.architecture, "llama");
  EXPECT_EQ(header->tensors.size(), 3u + 9u * 32u);
  EXPECT_LE(bytes_, 10'000'000u);
  EXPECT_LE(requests_, 3u);
}

TEST_F(FitterTest, ALyingFileDoesNotSpoilAnHonestOne) {
  GgufModel liar = formats::LlamaModel(kQ8);
  const size_t layers = liar.header.find("llama.block_count") + std::string("llama.block_count").size() + 4;
  liar.header.replace(layers, 4, std::string(4, '\xff'));
  Add("otter-8b-Q8_0.gguf", liar, 'a');
  Add("otter-8b-Q4_K_M.gguf", formats::LlamaModel(kQ4K), 'b');
  Serve();
  const absl::StatusOr<FitReport> report = Fit(MachineOf(64 * kGiB));
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(ChosenOf(*report), "Q4_K_M");
}

TEST_F(FitterTest, ARefusalOfTheHubIsReportedAndNotGuessedAround) {
  AddTwenty();
  refusal_ = MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "gated");
  EXPECT_THAT(Fit(MachineOf(12 * kGiB, 8 * kGiB)), HasReason(reason::kRepoGated));
}

TEST_F(FitterTest, AFileThatIsNoGgufIsNotReadAgain) {
  GgufModel broken = formats::LlamaModel(kQ8);
  broken.header.replace(0, 4, "oops");
  Add("otter-8b-Q8_0.gguf", broken, 'a');
  Serve();
  ASSERT_THAT(Fit(MachineOf(64 * kGiB)), IsOk());
  EXPECT_GT(requests_, 0u);
  const absl::StatusOr<FitReport> again = Fit(MachineOf(64 * kGiB));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(requests_, 0u);
  EXPECT_EQ(ChosenOf(*again), "");
}

TEST_F(FitterTest, AFileThatIsNoGgufIsPassedOverForOneThatIs) {
  GgufModel broken = formats::LlamaModel(kQ8);
  broken.header.replace(0, 4, "oops");
  Add("otter-8b-Q8_0.gguf", broken, 'a');
  Add("otter-8b-Q4_K_M.gguf", formats::LlamaModel(kQ4K), 'b');
  Serve();
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<FitReport> report = Fit(MachineOf(64 * kGiB));
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(ChosenOf(*report), "Q4_K_M") << "asked " << i << " times before";
  }
}

TEST_F(FitterTest, OfflineTheChoiceStandsOnWhatIsRemembered) {
  AddTwenty();
  const absl::StatusOr<FitReport> online = Fit(MachineOf(12 * kGiB, 8 * kGiB));
  ASSERT_THAT(online, IsOk());
  const absl::StatusOr<FitReport> offline = Fit(MachineOf(12 * kGiB, 8 * kGiB), {}, true);
  ASSERT_THAT(offline, IsOk());
  EXPECT_EQ(requests_, 0u);
  EXPECT_EQ(ChosenOf(*offline), ChosenOf(*online));
}

TEST_F(FitterTest, ADiskWithoutRoomTakesASmallerOneAndSaysSo) {
  AddTwenty();
  room_ = 6'000'000'000;
  const absl::StatusOr<PullPlan> plan = Plan(PullFor(MachineOf(512 * kGiB)));
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->choice->label, testing::StartsWith("Q5_K"));
  EXPECT_THAT(plan->fit->choice.judgements[0].reason, HasSubstr("the disk has room for 6 GB"));

  const absl::StatusOr<FitReport> report = Fit(MachineOf(512 * kGiB));
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(ChosenOf(*report), "F16");
  EXPECT_THAT(report->notes, Contains(HasSubstr("The disk has room for 6 GB; 4 of the variants take more")));
}

TEST_F(FitterTest, ADiskWithoutRoomForAnyLeavesTheRefusalToThePull) {
  AddTwenty();
  room_ = 1'000;
  const absl::StatusOr<PullPlan> plan = Plan(PullFor(MachineOf(512 * kGiB)));
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->choice->label, "F16");
}

TEST_F(FitterTest, APullTakesExactlyWhatIsChosen) {
  AddText("config.json", 700, 'c');
  Add("otter-8b-F16.gguf", formats::LlamaModel(kF16), 'a');
  Add("otter-8b-Q4_K_M.gguf", formats::LlamaModel(kQ4K), 'b');
  AddText("tokenizer.json", 900, 'd');
  Serve();

  const absl::StatusOr<PullPlan> plan = Plan(PullFor(MachineOf(12 * kGiB)));

  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(TakenBy(*plan), ElementsAre("config.json", "otter-8b-Q4_K_M.gguf", "tokenizer.json"));
  ASSERT_TRUE(plan->choice);
  EXPECT_EQ(plan->choice->label, "Q4_K_M");
  EXPECT_THAT(plan->choice->why, testing::Not(IsEmpty()));
  ASSERT_NE(plan->fit, nullptr);
  EXPECT_EQ(plan->fit->variants.size(), 2u);
}

TEST_F(FitterTest, AChoiceThatWasMadeStands) {
  Add("otter-8b-F16.gguf", formats::LlamaModel(kF16), 'a');
  Add("otter-8b-Q4_K_M.gguf", formats::LlamaModel(kQ4K), 'b');
  Serve();
  PullRequest request = PullFor(MachineOf(512 * kGiB));
  request.choice = VariantChoice{.label = "Q4_K_M", .quantization = "Q4_K_M", .why = "it was"};

  const absl::StatusOr<PullPlan> plan = Plan(request);

  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(TakenBy(*plan), ElementsAre("otter-8b-Q4_K_M.gguf"));
  EXPECT_EQ(plan->choice, request.choice);
  EXPECT_EQ(requests_, 0u);
}

TEST_F(FitterTest, WhereNothingFitsAPullSaysWhatItWouldTake) {
  AddTwenty();

  const absl::StatusOr<PullPlan> plan = Plan(PullFor(MachineOf(2 * kGiB)));

  EXPECT_THAT(plan.status(),
              AllOf(HasReason(reason::kNoVariantFits), StatusIs(absl::StatusCode::kFailedPrecondition),
                    HasMessage(HasSubstr("the smallest needs"))));
  EXPECT_THAT(HintOf(plan.status()), HasSubstr("batuta hf fit"));
  const Facts facts = DetailsOf(plan.status()).facts;
  EXPECT_GT(std::stoull(facts.at("need_bytes")), std::stoull(facts.at("budget_bytes")));
}

TEST_F(FitterTest, ARepoOfSafetensorsThatDoNotFitLeadsToItsConversions) {
  AddText("config.json", 0, 'c');
  AddText("model-00001-of-00002.safetensors", 20'000'000'000, 'd');
  AddText("model-00002-of-00002.safetensors", 20'000'000'000, 'e');
  Serve();
  const auto found = [](const std::string& id, std::vector<std::string> tags) {
    return hub::RepoSummary{.repo = Model(id), .tags = std::move(tags)};
  };
  hub_.ServeSearch("base_model:quantized:acme/otter-gguf",
                   {found("x/otter-awq", {"awq"}), found("big/otter-8b", {"gguf"}), found("b/otter-GGUF", {}),
                    found("c/otter-GGUF", {}), found("d/otter-GGUF", {})});

  const absl::StatusOr<FitReport> report = Fit(MachineOf(16 * kGiB, 12 * kGiB));
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(ChosenOf(*report), "");
  EXPECT_THAT(report->suggestions, ElementsAre("big/otter-8b", "b/otter-GGUF", "c/otter-GGUF"));

  const absl::StatusOr<PullPlan> plan = Plan(PullFor(MachineOf(16 * kGiB, 12 * kGiB)));
  EXPECT_THAT(plan, HasReason(reason::kNoVariantFits));
  EXPECT_THAT(HintOf(plan.status()), HasSubstr("big/otter-8b"));

  const absl::StatusOr<PullPlan> large = Plan(PullFor(MachineOf(256 * kGiB)));
  ASSERT_THAT(large, IsOk());
  EXPECT_THAT(TakenBy(*large), Contains("model-00002-of-00002.safetensors"));
}

TEST_F(FitterTest, OfflineAPullTakesWhatTheCacheHasOrSaysThatItHasNone) {
  AddTwenty();
  PullRequest request = PullFor(MachineOf(64 * kGiB));
  request.offline = true;
  EXPECT_THAT(Plan(request), HasReason(reason::kOfflineMiss));
}

}  // namespace
}  // namespace batuta::pull
