#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "batuta/v1/cache_service.pb.h"

#include "client/output/output.h"
#include "common/time/clock.h"

// What is on disk, and what goes from there.
namespace batuta::client {

// What the rows of a list stand for.
enum class CacheRows { kRepos, kSelections };

// {"repos":[{"repo","type","size_bytes","files","pinned","last_access","last_modified","path","selections":[{"commit",
// "refs","label","size_bytes","files","last_access","last_modified","pinned","pin_reason","in_use"}],"protected_by":[ID]}],
// "total_bytes"}; quiet: `TYPE ID` a line, for selections `TYPE ID COMMIT LABEL`.
void PrintCache(Output& output, const v1::ListReposResponse& response, CacheRows rows, WallTime now);

// What a removal did, or would do.
struct Removal {
  google::protobuf::RepeatedPtrField<v1::EvictionLine> lines;
  uint64_t freed_bytes = 0;
  std::optional<uint64_t> loose_files = {};  // not asked about when nothing
  bool is_dry_run = false;
};

// {"selections":[{"repo","type","commit","refs","label","size_bytes","freed_bytes","last_access","goes","why"}],
// "freed_bytes","loose_files","dry_run"}; quiet: `TYPE ID COMMIT LABEL` of what goes, a line.
void PrintRemoval(Output& output, const Removal& removal, WallTime now);

// {"selections":[as above],"unsafe":[…],"consents":[…],"choices":[{"commit","label","reason","at"}]}, in the
// order of eviction; quiet: `TYPE ID COMMIT LABEL` of what may go, a line.
void PrintEvictionOrder(Output& output, const v1::ExplainEvictionResponse& order, WallTime now);

// {"total_bytes","shared_bytes","reclaimable_bytes","loose_bytes","free_bytes","disk_bytes","max_bytes"
// (null: no quota), "min_free_bytes","cache_path"}; quiet: the total.
void PrintUsage(Output& output, const v1::GetUsageResponse& usage);

// {"repos","snapshots","selections","files","total_bytes","warnings":[…]}; quiet: the number of repos.
void PrintSurvey(Output& output, const v1::RescanResponse& survey);

// `model acme/otter`, printable.
std::string RepoText(const v1::RepoId& repo);

}  // namespace batuta::client
