#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/pull/file_kind.h"

namespace batuta::pull {

// Why a file is left out: what the user reads.
namespace left_out {
inline constexpr std::string_view kExcluded = "excluded";
inline constexpr std::string_view kNotNamed = "not asked for";
inline constexpr std::string_view kPickle = "pickle: may run code when loaded";
inline constexpr std::string_view kCode = "code: --allow-unsafe=code takes it";
inline constexpr std::string_view kObjected = "the hub's scanners call it";  // and how bad
inline constexpr std::string_view kOtherFormat = "not the format asked for";
inline constexpr std::string_view kCompanion = "belongs to weights that are left out";
inline constexpr std::string_view kTrainingState = "state of a training run";
inline constexpr std::string_view kSingleFileCopy = "single-file copy of the pipeline; its folders are taken";
inline constexpr std::string_view kOtherLayout = "second layout of the same weights";
inline constexpr std::string_view kOtherCopy = "the same variant, cut otherwise";
inline constexpr std::string_view kImatrix = "importance matrix: used only to quantise";
inline constexpr std::string_view kVocabulary = "vocabulary without weights";
inline constexpr std::string_view kAdapter = "adapter, not part of the model";
inline constexpr std::string_view kDraftModel = "draft model, not part of the model";
}  // namespace left_out

// A selection while it is being made: everything is taken until a rule leaves it out, and the first reason
// stands.
class Draft {
 public:
  // `tree` outlives the draft.
  Draft(const Tree& tree, RepoType type)
      : tree_(tree), kinds_(ClassifyFiles(tree, type)), reasons_(tree.entries.size()) {}

  size_t size() const { return reasons_.size(); }

  const Entry& entry(size_t index) const { return tree_.entries[index]; }

  const std::string& path(size_t index) const { return entry(index).path.text(); }

  const FileKind& kind(size_t index) const { return kinds_[index]; }

  bool is_taken(size_t index) const { return reasons_[index].empty(); }

  const std::string& reason(size_t index) const { return reasons_[index]; }

  void Leave(size_t index, std::string_view reason) {
    if (is_taken(index)) reasons_[index] = reason;
  }

 private:
  const Tree& tree_;
  std::vector<FileKind> kinds_;
  std::vector<std::string> reasons_;
};

}  // namespace batuta::pull
