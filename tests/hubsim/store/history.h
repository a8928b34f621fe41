// Moves refs: commits onto a branch with the facts filled in, and the names that refs go by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "tests/hubsim/store/git_tree.h"

namespace batuta::hubsim {

// "main" -> "refs/heads/main"; what begins with "refs/" stays.
std::string FullRefName(std::string_view name);

// The date of a repo's n-th commit. Fixed, a minute apart, so that commit ids depend on content alone.
std::string CommitDate(std::size_t index);

struct CommitText {
  std::string title = {};
  std::string message = {};
  std::string author = {};
};

// Commits onto `ref` (full name), which is created when missing, and returns the commit's id. Errors of
// AppendCommit.
absl::StatusOr<std::string> CommitToRef(Repo& repo, const std::string& ref, const CommitText& text,
                                        TreeChange change, std::size_t most_in_folder = SIZE_MAX);

// Reads `content` once and makes the node that the hub would: LFS or regular by `rule`.
Node NodeFor(const std::string& path, ContentPtr content, const LfsRule& rule);

// The `.gitattributes` that the hub puts into each new repo.
std::string DefaultAttributes();

}  // namespace batuta::hubsim
