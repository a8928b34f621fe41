#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/types/repo_path.h"

namespace batuta::push {

// One line of a commit.
struct PlannedChange {
  enum class Kind { kInline, kLfs, kDelete };

  RepoPath path;
  Kind kind = Kind::kInline;
  uint64_t size_bytes = 0;
};

// What one commit takes.
struct CommitLimits {
  size_t changes = 1'000;
  uint64_t inline_bytes = 32 << 20;  // they are in memory at once
  size_t lfs_files = 25'000;
};

struct CommitPart {
  std::string summary;
  std::vector<size_t> changes;  // in the list that was given, in the order in which the commit has them
};

// Cuts changes into commits, one when all fit. However far a push gets, what the repo then has is of use:
// first the .gitattributes, by which the hub judges all files, then LFS files, regular files, what is deleted
// (where a folder takes the place of a file or the other way round, that is deleted before), and last the
// README.md, which speaks of all the rest. Several get "(part 1 of 3)" behind their summary. The same changes
// in whatever order give the same commits. Nothing for no changes. Pure.
std::vector<CommitPart> CutCommits(const std::vector<PlannedChange>& changes, std::string_view summary,
                                   const CommitLimits& limits = {});

}  // namespace batuta::push
