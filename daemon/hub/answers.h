#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/hub/hub_client.h"

// The hub's JSON answers as structs. Pure. Lenient: only what is said to be essential must be there; an
// unknown, missing or oddly typed field elsewhere is as good as absent.
//   kInternal (HUB_PROTOCOL), kOutOfRange (ANSWER_TOO_LARGE)  as in json_reader.h, or an essential field is
//   not usable.
namespace batuta::hub {

// Essential: `id`, `sha`.
absl::StatusOr<RepoInfo> DecodeRepoInfo(RepoType type, std::string_view text);

// The body of the question what is known of `paths`, at most kMostScanPaths of them.
std::string EncodePathsQuestion(const std::vector<std::string>& paths);

// Essential: that it is a list.
absl::StatusOr<std::vector<ScanIssue>> DecodePathsAnswer(std::string_view text);

// What even the shortest answer about a revision says.
struct BriefInfo {
  CommitId commit;
  std::optional<RepoId> repo = {};  // in the canonical spelling, which may differ from the one asked for
  std::vector<std::string> tags = {};
  std::string hub_id = {};
  std::optional<WallTime> created = {};
};

// Essential: `sha`.
absl::StatusOr<BriefInfo> DecodeBriefInfo(RepoType type, std::string_view text);

// Essential: that it is a list. Items whose `id` is not a well-formed repo id are left out. At most `limit`
// items.
absl::StatusOr<std::vector<RepoSummary>> DecodeSearchPage(RepoType type, std::string_view text, size_t limit);

// Essential: `name`.
absl::StatusOr<Identity> DecodeIdentity(std::string_view text);

}  // namespace batuta::hub
