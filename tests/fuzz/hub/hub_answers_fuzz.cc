// What the hub answers, as JSON, whatever it is: no crash, and what is taken from it is well-formed. The
// first byte says how it is read.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/types/repo_path.h"
#include "daemon/cache/tree_parser.h"
#include "daemon/hub/answers.h"
#include "daemon/hub/tree_builder.h"

namespace {

constexpr size_t kMostEntries = 1'000;

void CheckPaths(const std::vector<batuta::Entry>& entries) {
  for (const batuta::Entry& entry : entries) {
    if (!batuta::RepoPath::Parse(entry.path.text()).ok()) std::abort();
  }
}

void ReadTree(std::string_view text) {
  batuta::hub::TreeBuilder builder(*batuta::CommitId::Parse(std::string(40, 'a')), kMostEntries);
  // Two pages of the same: every file is there twice.
  if (!builder.AddPage(text).ok()) return;
  if (text.size() % 2 == 1 && !builder.AddPage(text).ok()) return;
  const auto tree = builder.Finish();
  if (!tree.ok()) return;
  if (tree->entries.size() > kMostEntries) std::abort();
  CheckPaths(tree->entries);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      ReadTree(text);
      break;
    case 1: {
      const auto info = batuta::hub::DecodeRepoInfo(batuta::RepoType::kModel, text);
      if (info.ok() && info->commit.hex().size() != 40) std::abort();
      break;
    }
    case 2: {
      const auto info = batuta::hub::DecodeBriefInfo(batuta::RepoType::kDataset, text);
      if (info.ok() && info->commit.hex().size() != 40) std::abort();
      break;
    }
    case 3: {
      const auto page = batuta::hub::DecodeSearchPage(batuta::RepoType::kModel, text, 10);
      if (page.ok() && page->size() > 10) std::abort();
      break;
    }
    case 4: {
      const auto identity = batuta::hub::DecodeIdentity(text);
      if (identity.ok() && identity->name.empty()) std::abort();
      break;
    }
    default:
      if (const auto stored = batuta::cache::ParseTree(text)) CheckPaths(*stored);
  }
  return 0;
}
