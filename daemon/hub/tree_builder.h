#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/types/entry.h"
#include "common/types/revision.h"

namespace batuta::hub {

// TreeBuilder puts the pages of a tree listing together and trusts none of it: every path and hash is
// checked, and so is that all of them can stand side by side in one folder. Not thread-safe.
class TreeBuilder {
 public:
  // `max_entries`: files and folders together.
  TreeBuilder(CommitId commit, size_t max_entries) : commit_(std::move(commit)), max_entries_(max_entries) {}

  // One page: a JSON list of entries. Fields that are not needed are ignored, whatever they hold. After an
  // error the builder is as it was.
  //   kDataLoss (INVALID_PATH, INVALID_ETAG)  a path that could escape its folder; a hash that is none.
  //   kInternal (HUB_PROTOCOL)                not such a list, or an entry without path, hash or size.
  //   kOutOfRange (ANSWER_TOO_LARGE)          more entries than the bound.
  absl::Status AddPage(std::string_view json_text);

  // The files, in the order in which they came. The builder is empty afterwards.
  //   kDataLoss (INVALID_PATH)  one path is a file and a folder.
  //   kInternal (HUB_PROTOCOL)  the same file twice.
  absl::StatusOr<Tree> Finish();

 private:
  class PageReader;

  CommitId commit_;
  size_t max_entries_;
  std::vector<Entry> files_;
  std::vector<RepoPath> folders_;
};

}  // namespace batuta::hub
