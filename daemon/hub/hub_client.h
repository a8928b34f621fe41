#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/sync/task_runner.h"
#include "common/types/entry.h"
#include "common/types/principal.h"
#include "common/types/repo_id.h"
#include "common/types/secret.h"
#include "daemon/hub/freshness.h"
#include "daemon/transport/http_transport.h"
#include "daemon/transport/range_source.h"

namespace batuta::hub {

// What an answer says of a repo besides what was asked, remembered or not.
struct RepoNews {
  RepoId asked;
  RepoId repo;  // as the hub has it now: another one than `asked` when that was renamed, or spelled otherwise
  std::vector<std::string> tags;
  std::string hub_id = {};  // see RepoInfo; empty when the answer does not say
  std::optional<WallTime> created = {};
};

// In whose name the hub is asked.
struct Access {
  Principal principal;
  std::string job = {};  // its jobs take turns; "" = none
  Secret token;          // empty = anonymous
  Priority priority = Priority::kNormal;

  // When it may change while questions are under way: each request is as urgent as this says when it is made.
  // Null: `priority` holds.
  std::shared_ptr<const std::atomic<Priority>> changing_priority = nullptr;
  bool may_wait = true;  // else HUB_RATE_LIMITED at once where the budget would hold the request back
  Memory memory = Memory::kUse;

  // Called on the transport's thread when a request is held back; may be empty.
  std::function<void(const transport::WaitInfo&)> on_waiting = {};

  // Called at most once, just before the callback and where that runs: the answer, or a part of it, is what
  // the hub said then; it was not asked again. Not for trees, which hold for ever. May be empty.
  std::function<void(WallTime)> on_remembered = {};

  // Called for each answer about a repo or a revision where that is read, before its callback; may be empty.
  std::function<void(const RepoNews&)> on_news = {};

  // Counts the requests that are made, each hop of a redirect for itself. Null: nobody counts.
  std::shared_ptr<std::atomic<uint32_t>> requests = nullptr;
};

struct RepoSummary {
  RepoId repo;
  uint64_t downloads = 0;
  uint64_t likes = 0;
  bool is_private = false;
  std::string gated = {};  // "", "auto", "manual"
  std::string task = {};
  std::string library = {};
  std::vector<std::string> tags = {};
  std::optional<WallTime> created = {};
  std::optional<WallTime> last_modified = {};
};

// How bad the hub's own scanners call a file.
enum class ScanLevel { kCaution, kSuspicious, kUnsafe };

// "caution", "suspicious" or "unsafe".
std::string_view ToString(ScanLevel level);

// A file against which they have something. Of one that is not named nothing is known: it has not been
// scanned (yet), that failed, or nothing was found.
struct ScanIssue {
  std::string path;
  ScanLevel level = ScanLevel::kSuspicious;

  friend bool operator==(const ScanIssue&, const ScanIssue&) = default;
};

struct RepoInfo {
  RepoSummary summary;  // its id is the canonical spelling, which may differ from the one asked for
  CommitId commit;
  std::string hub_id = {};  // `_id`: stable across renames
  std::string author = {};
  std::string license = {};
  std::vector<std::string> base_models = {};
  uint64_t parameters = 0;
  bool disabled = false;
  uint32_t file_count = 0;
  uint64_t used_storage_bytes = 0;
  std::vector<ScanIssue> scan_issues = {};  // at the commit; of models only
};

struct SearchQuery {
  RepoType type = RepoType::kModel;
  std::string text = {};
  std::string author = {};
  std::vector<std::string> tags = {};
  std::string task = {};
  std::string library = {};
  std::string sort = {};  // "" = the hub's order
  uint32_t limit = 20;
};

struct Identity {
  std::string name = {};
  std::string full_name = {};
  std::string email = {};
  std::string kind = {};
  std::vector<std::string> organizations = {};
  std::string token_name = {};
  std::string token_role = {};
};

inline constexpr size_t kMostScanPaths = 500;

template <typename T>
using Callback = absl::AnyInvocable<void(absl::StatusOr<T>)>;

// HubClient asks the hub and turns its answers into structs and its refusals into Status (see http_error.h).
// One call, one try: whoever calls decides about retries (IsTransient()). Renames and other redirects on the
// endpoint are followed with the token, redirects to other hosts without it, at most 10 hops, never from
// https to http.
//
// Bounds: a JSON page ≤ 32 MiB, a tree ≤ 1,000,000 entries (ANSWER_TOO_LARGE); a path, etag or commit in an
// answer that is not well-formed makes the whole answer kDataLoss (INVALID_PATH, INVALID_ETAG) or kInternal
// (HUB_PROTOCOL).
//
// What may answer, the hub or what is remembered, is up to Access::memory and to the asker (see
// MakeHubClient). An answer that makes no sense is asked for once more before its error is shown.
//
// Thread-safe; never blocks. Callbacks run on the TaskRunner given at construction, exactly once.
class HubClient {
 public:
  virtual ~HubClient() = default;

  // Repo metadata and the commit the revision points to.
  virtual void GetRepo(const RepoId& repo, const Revision& revision, const Access& access,
                       Callback<RepoInfo> done) = 0;

  // Only the commit: the cheapest call that answers it.
  virtual void ResolveRevision(const RepoId& repo, const Revision& revision, const Access& access,
                               Callback<CommitId> done) = 0;

  // Every file of the commit, all pages.
  virtual void ListTree(const RepoId& repo, const CommitId& commit, const Access& access,
                        Callback<Tree> done) = 0;

  // What the hub's own scanners have against files of the commit: of a model all of them; else those among
  // `paths`, of which the first kMostScanPaths are asked for. One request at most. A hub without scanners has
  // nothing against anything.
  virtual void GetScan(const RepoId& repo, const CommitId& commit, const std::vector<std::string>& paths,
                       const Access& access, Callback<std::vector<ScanIssue>> done) = 0;
  virtual void Search(const SearchQuery& query, const Access& access,
                      Callback<std::vector<RepoSummary>> done) = 0;
  virtual void WhoAmI(const Access& access, Callback<Identity> done) = 0;

  // May that caller read the files of the repo? Never answered from what is remembered. True, or an error:
  // REPO_GATED, REPO_NOT_FOUND, TOKEN_MISSING, TOKEN_REJECTED and the like.
  virtual void CheckAccess(const RepoId& repo, const Access& access, Callback<bool> done) = 0;

  // The bytes of one file of a commit. Makes no request yet. The first Fetch() goes through the resolver;
  // later ones go straight to the link it gave while that is valid. Fetch ends with UPSTREAM_CHANGED when the
  // resolver names another commit or blob than `entry`, or the length differs.
  virtual std::shared_ptr<transport::RangeSource> OpenFile(const RepoId& repo, const CommitId& commit,
                                                           const Entry& entry, const Access& access) = 0;

  // The base URL, without a trailing slash.
  virtual const std::string& endpoint() const = 0;
};

class Asker;

// Puts its questions through `asker`, and fetches files by `http`. Everything borrowed outlives the client
// and the sources that it opened. `clock` dates the expiry of links and of what the hub asks to wait for. A
// file's resolver is given up with HUB_UNREACHABLE after `answer_timeout` without a connection or without a
// byte; the transfer of a file is watched by whoever fetches. `on_news`, when given, is called for each
// answer about a repo or a revision, where answers are read, so it must not block.
std::unique_ptr<HubClient> MakeHubClient(
    std::string endpoint, Asker& asker, transport::HttpTransport& http, TaskRunner& callbacks,
    const Clock& clock, std::chrono::milliseconds answer_timeout = std::chrono::milliseconds(10'000),
    std::function<void(const RepoNews&)> on_news = {});

}  // namespace batuta::hub
