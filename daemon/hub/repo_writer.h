#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/types/blob_id.h"
#include "common/types/repo_id.h"
#include "common/types/repo_path.h"
#include "common/types/revision.h"
#include "daemon/hub/hub_client.h"
#include "daemon/transport/http_transport.h"

namespace batuta::hub {

inline constexpr size_t kSampleBytes = 512;         // of a file, for the hub to judge by
inline constexpr size_t kMostPreuploadFiles = 256;  // in one question
inline constexpr size_t kMostLfsObjects = 256;      // in one batch

// In one batch, together: there is a link for every 5 MB of them, and an answer has a bound.
inline constexpr uint64_t kMostLfsBytes = 100'000'000'000;

struct NewRepo {
  RepoId repo;
  bool is_private = false;
  std::string space_sdk = {};  // of a space: "gradio", "docker", "static"
};

struct CreatedRepo {
  std::string url = {};
  bool existed = false;
};

// What the hub says of the metadata of a card.
struct CardCheck {
  std::vector<std::string> errors = {};  // a commit with it would be refused
  std::vector<std::string> warnings = {};
};

struct PreuploadFile {
  RepoPath path;
  uint64_t size_bytes = 0;
  std::string sample;  // its first kSampleBytes
};

struct PreuploadAnswer {
  RepoPath path;
  bool is_lfs = false;                  // else it goes into the commit itself
  bool is_ignored = false;              // by a .gitignore of the repo
  std::optional<BlobId> existing = {};  // what the repo has at that path
};

struct LfsObject {
  BlobId sha256;
  uint64_t size_bytes = 0;
};

struct LfsLink {
  std::string url;
  std::vector<transport::HttpHeader> headers = {};
};

// How one object gets into the store. Whatever its URLs are, they are good for a while only, and a secret.
struct LfsUpload {
  LfsObject object;
  bool is_stored = false;   // nothing to send
  LfsLink upload = {};      // basic: where the bytes go; multipart: where the parts are joined
  uint64_t part_bytes = 0;  // 0: basic
  std::vector<std::string> part_urls = {};  // multipart: part n is bytes [n * part_bytes, …)
  std::optional<LfsLink> verify = {};       // to be told when the object is there; with the token
  absl::Status refusal = {};                // the hub does not want this object: says why
};

// What an upload of one part came to.
struct StoredPart {
  uint32_t number = 0;  // from 1
  std::string etag;
};

struct InlineFile {
  RepoPath path;
  std::string content;
};

struct LfsFile {
  RepoPath path;
  LfsObject object;
};

struct DeletedFile {
  RepoPath path;
};

using CommitChange = std::variant<InlineFile, LfsFile, DeletedFile>;

struct CommitRequest {
  RepoId repo;
  Revision branch = Revision::Main();
  std::string summary;
  std::string description = {};
  std::optional<CommitId> parent = {};  // the commit is refused when the branch stands elsewhere
  std::vector<CommitChange> changes = {};
};

struct CommitResult {
  CommitId commit;
  std::string url = {};
};

struct PullRequest {
  uint64_t number = 0;
  Revision branch = Revision::Main();  // refs/pr/N
  std::string url;
};

struct CommitTitle {
  CommitId commit;
  std::string title;
  std::string message;
};

// RepoWriter changes repos at the hub. One call, one try, as HubClient; so an error that is kUnavailable says
// of Commit, CreateRepo and OpenPullRequest nothing about whether it was done: look before it is sent again.
// Errors as HubClient's, and
//   kInvalidArgument (HUB_ERROR)       the hub refuses what it was given, and says why
//   kAborted (REVISION_MOVED)          Commit: the branch does not stand at `parent`
//   kPermissionDenied (HUB_FORBIDDEN)  the token may not write
// What is remembered of the repo stays (see Memory): whoever wants to see the change asks with kRenew.
//
// Thread-safe; never blocks. Callbacks run on the TaskRunner given at construction, exactly once.
class RepoWriter {
 public:
  virtual ~RepoWriter() = default;

  // One that exists already is no error.
  virtual void CreateRepo(const NewRepo& repo, const Access& access, Callback<CreatedRepo> done) = 0;

  // `from` as the branch will begin; nothing: as the main branch. One that exists already is no error.
  virtual void CreateBranch(const RepoId& repo, const Revision& branch, const std::optional<CommitId>& from,
                            const Access& access, Callback<bool> done) = 0;

  // Of the whole text of a README.md.
  virtual void CheckCard(RepoType type, const std::string& text, const Access& access,
                         Callback<CardCheck> done) = 0;

  // At most kMostPreuploadFiles; answers in the order of the files. `git_ignore`: the text of a .gitignore
  // that comes with the push; empty: the repo's own holds.
  virtual void Preupload(const RepoId& repo, const Revision& branch, bool for_pull_request,
                         const std::vector<PreuploadFile>& files, const std::string& git_ignore,
                         const Access& access, Callback<std::vector<PreuploadAnswer>> done) = 0;

  // At most kMostLfsObjects, and at most kMostLfsBytes where there are several; answers in the order of the
  // objects. `branch` is left out for pull requests.
  virtual void BeginUploads(const RepoId& repo, const std::optional<Revision>& branch,
                            const std::vector<LfsObject>& objects, const Access& access,
                            Callback<std::vector<LfsUpload>> done) = 0;

  // Joins the parts of a multipart upload.
  virtual void CompleteUpload(const LfsUpload& upload, const std::vector<StoredPart>& parts,
                              const Access& access, Callback<bool> done) = 0;

  // Nothing to do when the upload has no `verify`.
  virtual void VerifyUpload(const LfsUpload& upload, const Access& access, Callback<bool> done) = 0;

  // What is sent is made of `commit` piece by piece, until `done` is called.
  virtual void Commit(std::shared_ptr<const CommitRequest> commit, const Access& access,
                      Callback<CommitResult> done) = 0;

  // A draft, without changes yet.
  virtual void OpenPullRequest(const RepoId& repo, const std::string& title, const std::string& description,
                               const Access& access, Callback<PullRequest> done) = 0;

  // The latest commits of a branch, newest first, at most `limit` (≤ 100).
  virtual void ListCommits(const RepoId& repo, const Revision& branch, size_t limit, const Access& access,
                           Callback<std::vector<CommitTitle>> done) = 0;
};

class Asker;

// Puts its requests through `asker`, which must not remember anything. Both outlive the writer.
std::unique_ptr<RepoWriter> MakeRepoWriter(std::string endpoint, Asker& asker, TaskRunner& callbacks);

}  // namespace batuta::hub
