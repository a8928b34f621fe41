#include "daemon/push/assembly.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/push/push_rules.h"
#include "daemon/transfer/content_hash.h"

namespace batuta::push {

namespace {

constexpr std::string_view kCardName = "README.md";

// Until the hub says how it wants to have a file: what is this large it never takes into a commit.
constexpr uint64_t kSurelyLfsBytes = 10'000'000;

Change ChangeOf(FileChange::Kind kind) {
  switch (kind) {
    case FileChange::Kind::kAdded:
      return Change::kAdded;
    case FileChange::Kind::kModified:
      return Change::kModified;
    case FileChange::Kind::kUnchanged:
      return Change::kUnchanged;
    case FileChange::Kind::kDeleted:
      return Change::kDeleted;
  }
  return Change::kUnchanged;
}

void Refuse(const std::vector<Objection>& objections, PushPlan* plan) {
  for (const Objection& objection : objections)
    plan->refusals.push_back({.path = objection.path, .reason = reason::kNotPushable, .text = objection.why});
}

void Warn(const std::vector<Warning>& warnings, PushPlan* plan) {
  for (const Warning& warning : warnings) {
    plan->warnings.push_back(warning.path.empty() ? warning.text
                                                  : fmt::format("{}: {}", warning.path, warning.text));
  }
}

absl::StatusOr<BlobId> NameOf(BlobId::Kind kind, std::string_view bytes) {
  transfer::ContentHash hash(kind, bytes.size());
  hash.Update(std::as_bytes(std::span(bytes)));
  ASSIGN_OR_RETURN(const std::string hex, hash.Finish());
  return BlobId::Parse(hex);
}

const Entry* FindRemote(const RemoteState& remote, std::string_view path) {
  if (!remote.tree) return nullptr;
  const auto entry = std::ranges::find_if(remote.tree->entries,
                                          [path](const Entry& one) { return one.path.text() == path; });
  return entry == remote.tree->entries.end() ? nullptr : &*entry;
}

bool HasCard(const FolderListing& listing) {
  return std::ranges::any_of(listing.files,
                             [](const LocalFile& file) { return file.path.text() == kCardName; });
}

bool KeepsCard(const RemoteState& remote, const PushPlan& plan) {
  const bool is_deleted = std::ranges::any_of(plan.files, [](const PlannedPushFile& file) {
    return file.path == kCardName && file.change == Change::kDeleted;
  });
  return !is_deleted && FindRemote(remote, kCardName) != nullptr;
}

absl::StatusOr<PlannedPushFile> PlanMade(const std::string& path, const std::string& content,
                                         const RemoteState& remote) {
  PlannedPushFile file{.path = path, .size_bytes = content.size()};
  ASSIGN_OR_RETURN(file.sha256, NameOf(BlobId::Kind::kSha256, content));
  ASSIGN_OR_RETURN(file.git_sha1, NameOf(BlobId::Kind::kGitSha1, content));
  file.made = std::make_shared<const std::string>(content);
  const Entry* const entry = FindRemote(remote, path);
  file.is_lfs = entry != nullptr && entry->blob.kind() == BlobId::Kind::kSha256;
  const bool is_same = entry != nullptr && entry->blob == (file.is_lfs ? *file.sha256 : *file.git_sha1);
  file.change = entry == nullptr ? Change::kAdded : is_same ? Change::kUnchanged : Change::kModified;
  return file;
}

// Of every file, sent or not: the same whatever of it the repo has by now.
std::string FolderDigestOf(const FolderListing& listing, const std::vector<std::optional<ContentId>>& ids) {
  transfer::ContentHash hash(BlobId::Kind::kSha256, 0);
  for (size_t i = 0; i < listing.files.size(); ++i) {
    const std::string line =
        fmt::format("{} {}\n", ids[i] ? ids[i]->sha256.hex() : std::string(), listing.files[i].path.text());
    hash.Update(std::as_bytes(std::span(line)));
  }
  return hash.Finish().value_or(std::string());
}

void Put(PlannedPushFile file, PushPlan* plan) {
  const auto ignored = std::ranges::find(plan->files, Change::kIgnored, &PlannedPushFile::change);
  const auto place =
      std::lower_bound(plan->files.begin(), ignored, file.path,
                       [](const PlannedPushFile& one, const std::string& path) { return one.path < path; });
  if (place != ignored && place->path == file.path) {
    *place = std::move(file);
  } else {
    plan->files.insert(place, std::move(file));
  }
}

}  // namespace

PushPlan Assemble(const PushRequest& request, const FolderListing& listing,
                  const std::vector<std::optional<ContentId>>& ids, const RemoteState& remote) {
  const Tree* const tree = remote.tree ? &*remote.tree : nullptr;
  PushPlan plan{.folder = FolderDigestOf(listing, ids),
                .creates_repo = !remote.exists,
                .creates_branch = remote.exists && !remote.has_branch,
                .is_private = remote.exists ? remote.is_private : request.is_private,
                .license = remote.license};
  if (tree != nullptr) plan.head = tree->commit;
  const Diff diff = Compare(listing, ids, tree, request.delete_globs);
  Refuse(listing.objections, &plan);
  Refuse(diff.objections, &plan);
  for (const Objections& found : {CheckFiles(listing.files), CheckOutcome(diff, tree)}) {
    Refuse(found.objections, &plan);
    Warn(found.warnings, &plan);
  }
  if (remote.exists && request.is_private && !remote.is_private) {
    plan.refusals.push_back({.path = "",
                             .reason = reason::kNotPushable,
                             .text = "--private was asked for, but the repo is there and is public: make it "
                                     "private on its page, or push without --private"});
  }
  plan.files.reserve(diff.files.size() + listing.ignored.size());
  for (const FileChange& one : diff.files) {
    PlannedPushFile file{.path = one.path.text(), .size_bytes = one.size_bytes, .change = ChangeOf(one.kind)};
    file.is_lfs =
        one.remote ? one.remote->kind() == BlobId::Kind::kSha256 : one.size_bytes >= kSurelyLfsBytes;
    if (one.copy_of) {
      file.copy_of = one.copy_of->text();
      file.is_lfs = true;
    }
    if (one.file) {
      file.stamp = listing.files[*one.file].stamp;
      if (const std::optional<ContentId>& id = ids[*one.file]) {
        file.sha256 = id->sha256;
        file.git_sha1 = id->git_sha1;
      }
    } else if (one.remote) {
      (file.is_lfs ? file.sha256 : file.git_sha1) = one.remote;
    }
    plan.files.push_back(std::move(file));
  }
  for (const IgnoredPath& ignored : listing.ignored)
    plan.files.push_back({.path = ignored.path, .change = Change::kIgnored, .reason = ignored.why});
  if (listing.ignored_left_out > 0)
    plan.warnings.push_back(fmt::format("{} more files are ignored", listing.ignored_left_out));
  plan.card = HasCard(listing) || KeepsCard(remote, plan) ? card::CardKind::kPresent : card::CardKind::kNone;
  return plan;
}

bool WantsCard(const PushRequest& request, const FolderListing& listing, const RemoteState& remote,
               const PushPlan& plan) {
  if (!request.makes_card || request.repo.type() != RepoType::kModel || listing.files.empty()) return false;
  return HasCard(listing) || !KeepsCard(remote, plan);
}

absl::Status AddCard(const card::Card& card, const RemoteState& remote, PushPlan* plan) {
  plan->card = card.kind;
  plan->card_diff = card.diff;
  plan->card_sources = card.sources;
  plan->warnings.insert(plan->warnings.end(), card.warnings.begin(), card.warnings.end());
  if (card.kind != card::CardKind::kGenerated && card.kind != card::CardKind::kCompleted)
    return absl::OkStatus();
  ASSIGN_OR_RETURN(PlannedPushFile readme, PlanMade(std::string(kCardName), card.readme, remote));
  Put(std::move(readme), plan);
  for (const card::CardFile& one : card.files) {
    ASSIGN_OR_RETURN(PlannedPushFile file, PlanMade(one.path, one.content, remote));
    Put(std::move(file), plan);
  }
  return absl::OkStatus();
}

void Take(const std::vector<hub::PreuploadAnswer>& answers, const std::vector<size_t>& files,
          PushPlan* plan) {
  for (size_t i = 0; i < answers.size(); ++i) {
    PlannedPushFile& file = plan->files[files[i]];
    file.is_lfs = answers[i].is_lfs && file.size_bytes > 0;  // no store takes an object without bytes
    if (answers[i].is_ignored) {
      file.change = Change::kIgnored;
      file.reason = "the repo's own .gitignore";
    } else if (answers[i].existing &&
               (answers[i].existing == file.sha256 || answers[i].existing == file.git_sha1)) {
      file.change = Change::kUnchanged;
    }
  }
}

void Conclude(std::string_view message, PushPlan* plan) {
  for (const PlannedPushFile& file : plan->files) {
    if (!IsSent(file.change)) continue;
    if (!file.is_lfs) {
      const absl::StatusOr<RepoPath> path = RepoPath::Parse(file.path);
      FileStamp stamp = file.stamp;
      stamp.size_bytes = file.size_bytes;
      if (const auto objection = path.ok() ? CheckInline({*path, stamp}) : std::nullopt)
        Refuse({*objection}, plan);
    }
    if (file.copy_of.empty()) plan->bytes_to_send += file.size_bytes;
  }
  plan->commits = CommitsOf(*plan, message).parts.size();
  plan->digest = DigestOf(*plan);
}

}  // namespace batuta::push
