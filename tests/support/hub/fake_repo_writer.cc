#include "tests/support/hub/fake_repo_writer.h"

#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include <fmt/format.h>
#include <openssl/sha.h>

#include "common/status/status.h"

namespace batuta::hub {

namespace {

std::string GitSha1Of(const std::string& bytes) {
  const std::string all = fmt::format("blob {}", bytes.size()) + '\0' + bytes;
  std::string digest(SHA_DIGEST_LENGTH, '\0');
  SHA1(reinterpret_cast<const unsigned char*>(all.data()), all.size(),
       reinterpret_cast<unsigned char*>(digest.data()));
  return absl::BytesToHexString(digest);
}

absl::Status NotHere() {
  return absl::UnimplementedError("the fake writer does not do that");
}

}  // namespace

template <typename T>
void FakeRepoWriter::Answer(Callback<T> done, absl::StatusOr<T> answer) {
  callbacks_.Post(
      [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

void FakeRepoWriter::ArriveLate() {
  for (const auto& commit : std::exchange(late_, {})) static_cast<void>(Take(*commit));
}

CommitId FakeRepoWriter::Add(const RepoId& repo, const Revision& branch, const std::string& title) {
  const CommitId commit = *CommitId::Parse(fmt::format("{:040x}", next_commit_++));
  std::vector<CommitTitle>& history = histories_[branch];
  history.insert(history.begin(), {.commit = commit, .title = title, .message = ""});
  Tree tree{.commit = commit, .entries = {}};
  for (const auto& [path, blob] : blobs_[branch])
    tree.entries.push_back({.path = *RepoPath::Parse(path), .size_bytes = 1, .blob = *BlobId::Parse(blob)});
  hub_.Serve(repo, branch, std::move(tree));
  return commit;
}

CommitId FakeRepoWriter::CommitOfOthers(const RepoId& repo, const Revision& branch, const std::string& title,
                                        const std::map<std::string, std::string>& blobs) {
  for (const auto& [path, blob] : blobs) blobs_[branch][path] = blob;
  return Add(repo, branch, title);
}

absl::StatusOr<CommitResult> FakeRepoWriter::Take(const CommitRequest& commit) {
  const std::vector<CommitTitle>& history = histories_[commit.branch];
  if (commit.parent && (history.empty() || history.front().commit != *commit.parent)) {
    return MakeError(absl::StatusCode::kAborted, reason::kRevisionMoved,
                     "the branch does not stand where it stood");
  }
  for (const CommitChange& change : commit.changes) {
    std::map<std::string, std::string>& blobs = blobs_[commit.branch];
    if (const auto* file = std::get_if<InlineFile>(&change)) {
      blobs[file->path.text()] = GitSha1Of(file->content);
    } else if (const auto* lfs = std::get_if<LfsFile>(&change)) {
      blobs[lfs->path.text()] = lfs->object.sha256.hex();
    } else {
      blobs.erase(std::get<DeletedFile>(change).path.text());
    }
  }
  return CommitResult{.commit = Add(commit.repo, commit.branch, commit.summary), .url = "https://hub.test/c"};
}

void FakeRepoWriter::Commit(std::shared_ptr<const CommitRequest> commit, const Access&,
                            Callback<CommitResult> done) {
  ++commits_sent_;
  if (on_commit) on_commit();
  CommitFate fate;
  if (!fates_.empty()) {
    fate = std::move(fates_.front());
    fates_.pop_front();
  }
  switch (fate.kind) {
    case CommitFate::Kind::kAnswered:
      return Answer<CommitResult>(std::move(done), Take(*commit));
    case CommitFate::Kind::kLost:
      static_cast<void>(Take(*commit));
      break;
    case CommitFate::Kind::kLate:
      late_.push_back(std::move(commit));
      break;
    case CommitFate::Kind::kRefused:
      break;
  }
  Answer<CommitResult>(std::move(done), fate.status);
}

void FakeRepoWriter::ListCommits(const RepoId&, const Revision& branch, size_t limit, const Access&,
                                 Callback<std::vector<CommitTitle>> done) {
  ++history_questions_;
  if (!history_failures_.empty()) {
    const absl::Status failure = history_failures_.front();
    history_failures_.pop_front();
    return Answer<std::vector<CommitTitle>>(std::move(done), failure);
  }
  std::vector<CommitTitle> history = histories_[branch];
  if (lags_ > 0 && !history.empty()) {
    --lags_;
    history.erase(history.begin());
  }
  if (history.size() > limit)
    history.erase(history.begin() + static_cast<std::ptrdiff_t>(limit), history.end());
  Answer<std::vector<CommitTitle>>(std::move(done), std::move(history));
}

void FakeRepoWriter::CreateRepo(const NewRepo&, const Access&, Callback<CreatedRepo> done) {
  Answer<CreatedRepo>(std::move(done), NotHere());
}

void FakeRepoWriter::CreateBranch(const RepoId&, const Revision&, const std::optional<CommitId>&,
                                  const Access&, Callback<bool> done) {
  Answer<bool>(std::move(done), NotHere());
}

void FakeRepoWriter::CheckCard(RepoType, const std::string&, const Access&, Callback<CardCheck> done) {
  Answer<CardCheck>(std::move(done), NotHere());
}

void FakeRepoWriter::Preupload(const RepoId&, const Revision&, bool, const std::vector<PreuploadFile>&,
                               const std::string&, const Access&,
                               Callback<std::vector<PreuploadAnswer>> done) {
  Answer<std::vector<PreuploadAnswer>>(std::move(done), NotHere());
}

void FakeRepoWriter::BeginUploads(const RepoId&, const std::optional<Revision>&,
                                  const std::vector<LfsObject>&, const Access&,
                                  Callback<std::vector<LfsUpload>> done) {
  Answer<std::vector<LfsUpload>>(std::move(done), NotHere());
}

void FakeRepoWriter::CompleteUpload(const LfsUpload&, const std::vector<StoredPart>&, const Access&,
                                    Callback<bool> done) {
  Answer<bool>(std::move(done), NotHere());
}

void FakeRepoWriter::VerifyUpload(const LfsUpload&, const Access&, Callback<bool> done) {
  Answer<bool>(std::move(done), NotHere());
}

void FakeRepoWriter::OpenPullRequest(const RepoId&, const std::string&, const std::string&, const Access&,
                                     Callback<PullRequest> done) {
  Answer<PullRequest>(std::move(done), NotHere());
}

}  // namespace batuta::hub
