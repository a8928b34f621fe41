// HubSim is the simulated hub: real HTTP on two loopback ports, one for the hub and one for its file CDN,
// with repos, users, quotas, scripted faults and a request log.
//
//   auto sim = *HubSim::Start({});
//   const RepoRef repo = *sim->CreateRepo(RepoKind::kModel, "acme/otter");
//   const std::string commit = *sim->CommitFiles(
//       repo, "main", {{"config.json", "{}"}, {"model.bin", Generated{.size = 1 << 20}}});
//   sim->AddFault({.kind = FaultKind::kCut, .path = "model.bin", .at_bytes = 1000});
//   ... let the code under test talk to sim->endpoint() ...
//   EXPECT_EQ(sim->CountRequests([](const LoggedRequest& r) { return r.listener == Listener::kCdn; }), 2);
//
// It knows nothing of the client under test: it is written from the hub's protocol alone, and speaks no Xet
// (every /xet-…-token route is 404). Commit ids are git's own and follow from content, so the same calls give
// the same ids.
//
// Life: Start() listens; Stop(), or the destructor, ends every request at once, also stalled ones.
// Thread safety: all methods from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/hubsim/fault.h"
#include "tests/hubsim/options.h"
#include "tests/hubsim/request_log.h"
#include "tests/hubsim/store/repo.h"

namespace batuta::hubsim {

struct RepoRef {
  RepoKind kind = RepoKind::kModel;
  std::string id = {};
};

// `size` bytes made from `seed` on demand, a valid file of the kind that its name promises: two gigabytes
// cost no memory (and a few seconds of hashing at the commit).
struct Generated {
  std::uint64_t size = 0;
  std::uint64_t seed = 1;
};

// The file at this path, read by range when it is asked for. It must not change while the simulator runs.
struct FromDisk {
  std::filesystem::path path = {};
};

using FileSource = std::variant<std::string, Generated, FromDisk>;
using FileSet = std::map<std::string, FileSource>;

struct CommitOptions {
  std::string title = "Upload files";
  std::string message = {};
  std::string author = "hubsim";
  std::vector<std::string> deleted = {};  // paths of files
};

// What the hub says about one file.
struct FileFacts {
  std::uint64_t size = 0;
  bool is_lfs = false;
  std::string oid = {};     // git id: of the pointer when LFS
  std::string sha256 = {};  // of the content, also for regular files
  std::string etag = {};    // without quotes: the blob's name in a cache
};

struct Stats {
  std::uint64_t requests = 0;
  std::map<std::string, std::uint64_t> by_bucket = {};          // "api", "resolvers", "pages", "cdn"
  std::map<int, std::uint64_t> by_status = {};                  // 0: in progress, or reset
  std::map<std::string, std::uint64_t> refused_by_bucket = {};  // answers with 429
  std::uint64_t hub_bytes_sent = 0;                             // bodies only
  std::uint64_t cdn_bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t connections = 0;    // since Start(), both ports
  std::uint64_t leaked_tokens = 0;  // requests that brought an Authorization header to the CDN; must be 0
};

class HubSim {
 public:
  using Log = std::vector<LoggedRequest>;

  //   kUnavailable  a port is taken, or there is no temporary folder.
  static absl::StatusOr<std::unique_ptr<HubSim>> Start(Options options);

  virtual ~HubSim() = default;

  // "http://127.0.0.1:PORT", without trailing slash.
  virtual std::string endpoint() const = 0;
  virtual std::string cdn_endpoint() const = 0;

  // ---- content ----

  // A repo without commits.
  //   kAlreadyExists, kInvalidArgument (name)
  virtual absl::StatusOr<RepoRef> CreateRepo(RepoKind kind, const std::string& id,
                                             RepoSettings settings = {}) = 0;

  // Adds or replaces files on a branch ("main"), tag-less ref ("refs/pr/1") or new branch; returns the
  // commit's id. Whether a file is LFS follows from `.gitattributes`, size and look. Hashes every content
  // once.
  //   kNotFound (repo, deleted path), kInvalidArgument (path, or a size that no file of its kind has), errors
  //   of opening a FromDisk file
  virtual absl::StatusOr<std::string> CommitFiles(const RepoRef& repo, const std::string& branch,
                                                  const FileSet& files,
                                                  const CommitOptions& options = {}) = 0;

  // Points `ref` ("refs/tags/v1", "refs/pr/2", "refs/convert/parquet", or a branch by its plain name) to
  // `revision`. This may also move a branch back: commits that no ref leads to are gone for clients.
  virtual absl::Status SetRef(const RepoRef& repo, const std::string& ref, const std::string& revision) = 0;
  virtual absl::Status DeleteRef(const RepoRef& repo, const std::string& ref) = 0;

  // Changes settings in place: revoke access, gate, disable, publish a scan result.
  virtual absl::Status EditSettings(const RepoRef& repo, const std::function<void(RepoSettings&)>& edit) = 0;

  // The repo gets a new name; the old one answers 307 from now on.
  virtual absl::StatusOr<RepoRef> Rename(const RepoRef& repo, const std::string& to) = 0;

  // `from`, which need not exist, answers 307 to `to`, which need not exist either: chains and loops are
  // possible.
  virtual void AddRedirect(RepoKind kind, const std::string& from, const std::string& to) = 0;

  virtual absl::Status DeleteRepo(const RepoRef& repo) = 0;

  virtual void AddUser(User user) = 0;

  // Adds what the folder holds; its format stands in tests/hubsim/store/folder_loader.h.
  virtual absl::Status LoadFolder(const std::filesystem::path& folder) = 0;

  //   kNotFound
  virtual absl::StatusOr<FileFacts> Stat(const RepoRef& repo, const std::string& revision,
                                         const std::string& path) const = 0;
  // The whole file; for small ones.
  virtual absl::StatusOr<std::string> ReadFile(const RepoRef& repo, const std::string& revision,
                                               const std::string& path) const = 0;
  // The commit that a revision leads to now.
  virtual absl::StatusOr<std::string> ResolveRevision(const RepoRef& repo,
                                                      const std::string& revision) const = 0;
  // `_id`: the same for ever, also across renames.
  virtual absl::StatusOr<std::string> ObjectId(const RepoRef& repo) const = 0;

  // ---- faults ----

  virtual FaultHandle AddFault(FaultRule rule) = 0;
  virtual void ClearFaults() = 0;
  // How many requests the rule harmed.
  virtual int FaultHits(FaultHandle handle) const = 0;
  // Of all rules, by the id of their handles.
  virtual std::map<std::uint64_t, int> fault_hits() const = 0;

  // ---- quotas ----

  // Begins a new window for everyone.
  virtual void ResetRateLimits() = 0;

  // Every window of every identity since the start, in the order of their beginnings.
  virtual std::vector<WindowUse> windows() const = 0;

  // ---- log ----

  virtual Log requests() const = 0;
  virtual std::size_t CountRequests(const std::function<bool(const LoggedRequest&)>& is_counted) const = 0;
  // The log begins anew; connection counts go on.
  virtual void ClearLog() = 0;
  // True as soon as `is_true(log)`, false after `timeout`.
  virtual bool WaitFor(const std::function<bool(const Log&)>& is_true,
                       std::chrono::milliseconds timeout) const = 0;
  // Sums over the log.
  virtual Stats stats() const = 0;
  // Requests in the log that brought a token to the CDN. Assert that it is 0.
  virtual std::size_t leaked_tokens() const = 0;

  // Ends all requests and closes both ports. Idempotent. The log stays readable.
  virtual void Stop() = 0;
};

// The bytes of Generated{size, seed} under a name, for small sizes.
std::string GeneratedBytes(std::string_view path, const Generated& what);

}  // namespace batuta::hubsim
