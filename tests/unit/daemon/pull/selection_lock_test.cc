#include <gmock/gmock.h>

#include "common/status/status.h"
#include "daemon/pull/selection.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/pull/selection_requests.h"

namespace batuta::pull {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SelectionRequest Locked(const Tree& tree, const Files& paths) {
  SelectionRequest request;
  for (const Entry& entry : tree.entries) {
    if (std::ranges::find(paths, entry.path.text()) != paths.end()) request.locked.push_back(entry);
  }
  return request;
}

const Files kFiles = {"config.json", "model.safetensors", "model.gguf", "pytorch_model.bin"};

TEST(LockedSelectionTest, TakesExactlyTheLockedFilesWhateverTheDefaultChoiceIs) {
  const Tree tree = TreeOf(kFiles);
  const absl::StatusOr<Selection> selection =
      PlanSelection(tree, Locked(tree, {"config.json", "model.gguf"}));
  ASSERT_THAT(selection, IsOk());
  Files taken;
  for (const SelectedEntry& entry : selection->entries) {
    if (entry.selected) taken.push_back(entry.entry.path.text());
  }
  EXPECT_THAT(taken, ElementsAre("config.json", "model.gguf"));
}

TEST(LockedSelectionTest, RefusesAnotherContentAnotherSizeAndAFileThatIsNotThere) {
  const Tree tree = TreeOf(kFiles);
  SelectionRequest request = Locked(tree, {"config.json"});
  request.locked[0].blob = *BlobId::Parse(std::string(40, 'd'));
  EXPECT_THAT(PlanSelection(tree, request).status(),
              AllOf(HasReason("LOCK_MISMATCH"), StatusIs(absl::StatusCode::kDataLoss),
                    HasMessage(AllOf(HasSubstr("config.json"), HasSubstr(std::string(40, 'd'))))));
  request = Locked(tree, {"config.json"});
  request.locked[0].size_bytes += 1;
  EXPECT_THAT(PlanSelection(tree, request).status(), HasReason("LOCK_MISMATCH"));
  EXPECT_THAT(PlanSelection(TreeOf({"model.gguf"}), Locked(tree, {"config.json"})).status(),
              AllOf(HasReason("LOCK_MISMATCH"), HasMessage(HasSubstr("config.json"))));
}

TEST(LockedSelectionTest, AllowsNoOtherChoiceBesideIt) {
  const Tree tree = TreeOf(kFiles);
  for (const SelectionRequest& more : {Named({"config.json"}), Named({}, {"*"}), Named({}, {}, {"*.md"}),
                                       Format("gguf"), Quantization("Q8_0")}) {
    SelectionRequest request = more;
    request.locked = Locked(tree, {"config.json"}).locked;
    EXPECT_THAT(PlanSelection(tree, request).status(), HasReason("INVALID_ARGUMENT"));
  }
}

TEST(LockedSelectionTest, AdmitsNoPickleByItself) {
  const Tree tree = TreeOf(kFiles);
  const SelectionRequest request = Locked(tree, {"pytorch_model.bin"});
  EXPECT_THAT(PlanSelection(tree, request).status(), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(PlanSelection(tree, WithPickle(request)), IsOk());
}

}  // namespace
}  // namespace batuta::pull
