#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "common/types/repo_path.h"
#include "daemon/guard/verdicts.h"
#include "daemon/push/file_bytes.h"
#include "daemon/push/local_file.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::push {

// What is to be said of a file before others are given it.
struct FormatReport {
  std::string_view reason = {};  // INVALID_CONTENT, UNSAFE_CONTENT; empty: there is no objection
  std::string objection = {};    // for a person, with what to do about it
  std::string warning = {};      // for a person; empty: there is none

  friend bool operator==(const FormatReport&, const FormatReport&) = default;
};

// From what the inspection said of the file. It stops the push that a file is not of the data format that its
// name claims, is a trap (a bomb), or does what no weights need. That it is a pickle, or runs code where
// that is known, is a warning, with the way to a format that cannot. Nothing is said of programs. Pure.
FormatReport ReportOn(const RepoPath& path, const safety::Verdict& verdict);

// What a card's front matter has against it: no YAML, or none that is a mapping. Nothing when it is well, or
// there is none. Pure.
std::optional<std::string> CardProblem(std::string_view readme);

// The license that a card names; empty when it names none, or cannot be read. Pure.
std::string CardLicense(std::string_view readme);

// Inspects a file and, where it is a card, its front matter. What was said of the same bytes under such a
// name before is not found out again, unless it `keeps` nothing: of bytes that may be others than those of
// the sha256. Blocking.
//   kAborted (FILE_CHANGED), kUnavailable (STORAGE_FAILED)  while it was read.
absl::StatusOr<FormatReport> CheckFormat(const BlobId& sha256, FileBytes& file, guard::Verdicts& verdicts,
                                         bool keeps = true);

// The same of bytes that are made up here, such as a card.
FormatReport CheckFormat(const RepoPath& path, std::string_view content);

}  // namespace batuta::push
