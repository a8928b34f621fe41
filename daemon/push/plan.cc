#include "daemon/push/plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/push/secret_judge.h"
#include "daemon/transfer/content_hash.h"

namespace batuta::push {

namespace {

// The gravest first.
constexpr std::array kByGravity = {reason::kUnsafeContent, reason::kInvalidContent, reason::kNotPushable};

std::string TitleOf(const PushPlan& plan, std::string_view message) {
  if (!message.empty()) return std::string(message);
  const PlannedPushFile* only = nullptr;
  size_t sent = 0;
  size_t deleted = 0;
  for (const PlannedPushFile& file : plan.files) {
    if (!IsChange(file.change)) continue;
    only = &file;
    ++(file.change == Change::kDeleted ? deleted : sent);
  }
  if (sent + deleted == 1) {
    return fmt::format("{} {}",
                       only->change == Change::kDeleted ? "Delete"
                       : only->change == Change::kAdded ? "Add"
                                                        : "Update",
                       only->path);
  }
  if (deleted == 0) return fmt::format("Upload {} files", sent);
  if (sent == 0) return fmt::format("Delete {} files", deleted);
  return fmt::format("Upload {} {}, delete {}", sent, sent == 1 ? "file" : "files", deleted);
}

}  // namespace

std::string PlannedPushFile::blob_text() const {
  const std::optional<BlobId>& id = is_lfs ? sha256 : git_sha1;
  return id ? id->hex() : std::string();
}

absl::Status RefusalOf(const PushPlan& plan) {
  if (!plan.findings.empty()) {
    SecretVerdict verdict;
    verdict.findings = plan.findings;
    return StatusOf(verdict);
  }
  for (const std::string_view gravest : kByGravity) {
    const auto first = std::ranges::find(plan.refusals, gravest, &Refusal::reason);
    if (first == plan.refusals.end()) continue;
    const size_t others = plan.refusals.size() - 1;
    std::string text = first->path.empty() ? first->text : fmt::format("{}: {}", first->path, first->text);
    if (others > 0) text += fmt::format(" (and {} more)", others);
    return MakeError(absl::StatusCode::kFailedPrecondition, gravest, std::move(text),
                     "nothing was sent; batuta hf push … --dry-run shows all of it");
  }
  return absl::OkStatus();
}

PlannedCommits CommitsOf(const PushPlan& plan, std::string_view message) {
  PlannedCommits commits;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    const PlannedPushFile& file = plan.files[i];
    if (!IsChange(file.change)) continue;
    absl::StatusOr<RepoPath> path = RepoPath::Parse(file.path);
    if (!path.ok()) continue;  // never: what changes has one
    const auto kind = file.change == Change::kDeleted ? PlannedChange::Kind::kDelete
                      : file.is_lfs                   ? PlannedChange::Kind::kLfs
                                                      : PlannedChange::Kind::kInline;
    commits.changes.push_back({.path = *std::move(path), .kind = kind, .size_bytes = file.size_bytes});
    commits.files.push_back(i);
  }
  commits.parts = CutCommits(commits.changes, TitleOf(plan, message));
  return commits;
}

std::string DigestOf(const PushPlan& plan) {
  std::string text = fmt::format("1\n{}\n{}{}{}\n", plan.head ? plan.head->hex() : "", plan.creates_repo,
                                 plan.creates_branch, plan.is_private);
  for (const PlannedPushFile& file : plan.files) {
    if (!IsChange(file.change)) continue;
    text += fmt::format("{} {} {}\n", static_cast<int>(file.change), file.sha256 ? file.sha256->hex() : "",
                        file.path);
  }
  transfer::ContentHash hash(BlobId::Kind::kSha256, text.size());
  hash.Update(std::as_bytes(std::span(text)));
  return hash.Finish().value_or(std::string());
}

}  // namespace batuta::push
