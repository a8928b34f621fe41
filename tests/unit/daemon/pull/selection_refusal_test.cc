#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "daemon/pull/selection.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/pull/selection_requests.h"

namespace batuta::pull {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::Status Refusal(const Files& files, const SelectionRequest& request = {}) {
  return PlanSelection(TreeOf(files), request).status();
}

TEST(PlanSelectionTest, AsksWhichVariantWhenThereAreSeveral) {
  const absl::Status status =
      Refusal({"m-Q4_K_M.gguf", "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"});
  EXPECT_THAT(status, AllOf(HasReason("CHOICE_NEEDED"), StatusIs(absl::StatusCode::kInvalidArgument)));
  EXPECT_THAT(status, HasMessage(AllOf(HasSubstr("2 GGUF variants"), HasSubstr("Q4_K_M (1 file, 1 GB)"),
                                       HasSubstr("Q8_0 (2 files, 2 GB)"))));
  EXPECT_THAT(HintOf(status),
              AllOf(HasSubstr("--quantization"), HasSubstr("--auto-quantize"), HasSubstr("--format all")));
  EXPECT_THAT(Refusal({"m-Q4_0.gguf", "m-Q8_0.gguf", "model.safetensors"}, Format("gguf")),
              HasReason("CHOICE_NEEDED"));
  EXPECT_THAT(Refusal({"phi-2.gguf", "phi-3.gguf"}), HasReason("CHOICE_NEEDED"));
}

TEST(PlanSelectionTest, AListOfVariantsStaysShort) {
  Files files;
  for (int i = 0; i < 500; ++i) files.push_back(fmt::format("model-{}-Q4_K_M.gguf", i));
  const absl::Status status = Refusal(files);
  EXPECT_THAT(status, HasMessage(HasSubstr("and 460 more")));
  EXPECT_LT(MessageOf(status).size(), 2'000U);
}

TEST(PlanSelectionTest, AsksWhichFilesWhenALabelStandsForSeveral) {
  const absl::Status status = Refusal({"a/m-Q4_0.gguf", "b/m-Q4_0.gguf"}, Quantization("Q4_0"));
  EXPECT_THAT(status, AllOf(HasReason("CHOICE_NEEDED"), HasMessage(HasSubstr("\"a/m-Q4_0*\""))));
  EXPECT_THAT(HintOf(status), HasSubstr("--include"));
}

TEST(PlanSelectionTest, ListsTheVariantsWhenTheOneAskedForIsMissing) {
  EXPECT_THAT(Refusal({"m-Q4_K_M.gguf", "m-Q8_0.gguf"}, Quantization("q5_k_m")),
              AllOf(HasReason("INVALID_ARGUMENT"),
                    HasMessage(AllOf(HasSubstr("\"q5_k_m\""), HasSubstr("Q4_K_M"), HasSubstr("Q8_0")))));
  EXPECT_THAT(Refusal({"model.safetensors"}, Quantization("q5_k_m")), HasReason("NOTHING_SELECTED"));
  EXPECT_THAT(Refusal({"mmproj-F16.gguf"}, Quantization("q5_k_m")), HasReason("INVALID_ARGUMENT"));
}

TEST(PlanSelectionTest, DoesNotTakeAVariantWithMissingParts) {
  const Files files = {"m-Q4_0.gguf", "m-Q8_0-00001-of-00003.gguf", "m-Q8_0-00003-of-00003.gguf"};
  EXPECT_THAT(Refusal(files, Quantization("Q8_0")),
              AllOf(HasReason("ENTRY_NOT_FOUND"), HasMessage(HasSubstr("2 of its 3 parts"))));
  EXPECT_THAT(Refusal(files), HasMessage(HasSubstr("Q8_0 (2 files, 2 GB, 2 of 3 parts)")));
}

TEST(PlanSelectionTest, RefusesARepoOfPicklesAndNamesTheWaysOut) {
  const absl::Status status =
      Refusal({"config.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"});
  EXPECT_THAT(status, AllOf(HasReason("UNSAFE_CONTENT"), StatusIs(absl::StatusCode::kFailedPrecondition)));
  EXPECT_THAT(status, HasMessage(AllOf(HasSubstr("pytorch_model-00001-of-00002.bin"), HasSubstr("pickle"))));
  EXPECT_THAT(HintOf(status), AllOf(HasSubstr("--allow-unsafe"), HasSubstr("another repo")));
}

TEST(PlanSelectionTest, RefusesPicklesWhereNothingElseIsLeft) {
  EXPECT_THAT(Refusal({"config.json", "original/consolidated.00.pth"}), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Refusal({"config.json", "model.pkl"}), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Refusal({"config.json", "model.safetensors", "pytorch_model.bin"}, Format("pytorch")),
              HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Refusal({"config.json", "pytorch_model.bin"}, Format("all")), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Refusal({"a.json", "pytorch_model.bin"}, Named({}, {"*.bin"})), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Refusal({"a.pkl"}, Of(RepoType::kDataset)), HasReason("UNSAFE_CONTENT"));
  const absl::Status named = Refusal({"a.json", "pytorch_model.bin"}, Named({"a.json", "pytorch_model.bin"}));
  EXPECT_THAT(named, AllOf(HasReason("UNSAFE_CONTENT"),
                           HasMessage(AllOf(HasSubstr("pytorch_model.bin"), Not(HasSubstr("a.json"))))));
}

TEST(PlanSelectionTest, AListOfPicklesStaysShort) {
  Files files;
  for (int i = 0; i < 3'000; ++i) files.push_back(fmt::format("{}/{}.pt", i, std::string(200, 'x')));
  const absl::Status status = Refusal(files);
  EXPECT_THAT(status, HasMessage(HasSubstr("and 2992 more")));
  EXPECT_LT(MessageOf(status).size(), 2'000U);
}

TEST(PlanSelectionTest, NamesSimilarFilesForOneThatIsMissing) {
  const Files files = {"config.json", "onnx/model.onnx", "tokenizer.json"};
  const absl::Status typo = Refusal(files, Named({"confg.json"}));
  EXPECT_THAT(typo, AllOf(HasReason("ENTRY_NOT_FOUND"), StatusIs(absl::StatusCode::kNotFound),
                          HasMessage(HasSubstr("confg.json"))));
  EXPECT_THAT(HintOf(typo), HasSubstr("\"config.json\""));
  EXPECT_THAT(HintOf(Refusal(files, Named({"onnx"}))), HasSubstr("--include \"onnx/*\""));
  EXPECT_THAT(HintOf(Refusal(files, Named({"onnx/"}))), HasSubstr("--include \"onnx/*\""));
  EXPECT_THAT(HintOf(Refusal(files, Named({"zzzzzzzzzzzz"}))), HasSubstr("batuta hf files"));
}

TEST(PlanSelectionTest, SaysWhenNothingIsLeft) {
  EXPECT_THAT(Refusal({"a.json"}, Named({}, {"*.txt"})),
              AllOf(HasReason("NOTHING_SELECTED"), StatusIs(absl::StatusCode::kNotFound)));
  EXPECT_THAT(Refusal({"a.json"}, Named({}, {}, {"*"})), HasReason("NOTHING_SELECTED"));
  EXPECT_THAT(Refusal({"a.json"}, Named({"a.json"}, {}, {"*"})), HasReason("NOTHING_SELECTED"));
  EXPECT_THAT(Refusal({}), HasReason("NOTHING_SELECTED"));
  const absl::Status format = Refusal({"config.json", "model.onnx", "model.safetensors"}, Format("gguf"));
  EXPECT_THAT(format, HasReason("NOTHING_SELECTED"));
  EXPECT_THAT(HintOf(format), AllOf(HasSubstr("ONNX"), HasSubstr("safetensors")));
}

TEST(PlanSelectionTest, RefusesRequestsThatContradictThemselves) {
  EXPECT_THAT(Refusal({"a"}, Format("zip")),
              AllOf(HasReason("INVALID_ARGUMENT"), HasMessage(HasSubstr("\"zip\""))));
  EXPECT_THAT(HintOf(Refusal({"a"}, Format("zip"))), HasSubstr("safetensors, gguf, onnx, pytorch and all"));
  SelectionRequest request = Quantization("Q4_0");
  request.format = "onnx";
  EXPECT_THAT(Refusal({"m-Q4_0.gguf", "onnx/model.onnx", "onnx/model_q4.onnx"}, request),
              AllOf(HasReason("INVALID_ARGUMENT"), HasMessage(HasSubstr("there are: fp32, q4"))));
  request.format = "all";
  EXPECT_THAT(Refusal({"a"}, request), HasReason("INVALID_ARGUMENT"));
  request.format = "GGUF";
  EXPECT_THAT(Refusal({"m-Q4_0.gguf"}, request), IsOk());
  request.include = {"*"};
  EXPECT_THAT(Refusal({"a"}, request), HasReason("INVALID_ARGUMENT"));
  request = Quantization("Q4_0");
  request.repo_type = RepoType::kDataset;
  EXPECT_THAT(Refusal({"a"}, request), HasReason("INVALID_ARGUMENT"));
  request = Format("gguf");
  request.repo_type = RepoType::kSpace;
  EXPECT_THAT(Refusal({"a"}, request), HasReason("INVALID_ARGUMENT"));
  request = {};
  request.allow_unsafe = {"pickle", "everything"};
  EXPECT_THAT(Refusal({"a"}, request),
              AllOf(HasReason("INVALID_ARGUMENT"), HasMessage(HasSubstr("\"everything\""))));
  request.allow_unsafe = {"pickle", "code", "invalid"};
  EXPECT_THAT(Refusal({"a"}, request), IsOk());
}

}  // namespace
}  // namespace batuta::pull
