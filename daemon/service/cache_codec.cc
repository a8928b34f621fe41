#include "daemon/service/cache_codec.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/service/codec.h"

namespace batuta::service {
namespace {

absl::Status Invalid(std::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, what);
}

void Encode(const eviction::ListedRevision& revision, v1::CachedRevision* out) {
  out->set_commit(revision.commit.hex());
  for (const std::string& ref : revision.refs) out->add_refs(Sendable(ref));
  out->set_file_count(revision.file_count);
  out->set_size_bytes(revision.size_bytes);
  service::Encode(revision.last_modified, out->mutable_last_modified());
}

void Encode(const eviction::ListedSelection& selection, v1::CachedSelection* out) {
  out->set_commit(selection.commit.hex());
  out->set_label(Sendable(selection.label));
  out->set_file_count(selection.file_count);
  out->set_size_bytes(selection.size_bytes);
  service::Encode(selection.last_access, out->mutable_last_access());
  out->set_pinned(selection.pin.has_value());
  out->set_pin_reason(Sendable(selection.pin.value_or("")));
  out->set_leases(selection.leases);
}

}  // namespace

absl::StatusOr<std::vector<RepoId>> DecodeRepos(
    const google::protobuf::RepeatedPtrField<v1::RepoId>& messages) {
  std::vector<RepoId> repos;
  for (const v1::RepoId& message : messages) {
    ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(message));
    repos.push_back(std::move(repo));
  }
  return repos;
}

absl::StatusOr<eviction::RemoveRequest> DecodeRemove(const v1::RemoveRequest& request) {
  ASSIGN_OR_RETURN(RepoId repo, DecodeRepo(request.repo()));
  eviction::RemoveRequest decoded{.repo = std::move(repo)};
  if (!request.revision().empty()) {
    ASSIGN_OR_RETURN(decoded.revision, DecodeRevision(request.revision()));
  }
  decoded.label = request.label();
  decoded.force = request.force();
  return decoded;
}

absl::StatusOr<PruneOrder> DecodePrune(const v1::PruneRequest& request) {
  PruneOrder order;
  if (request.has_older_than()) {
    if (request.older_than().seconds() < 0) return Invalid("older_than is negative");
    order.request.older_than = std::chrono::seconds(request.older_than().seconds());
  }
  order.request.keep_last = request.keep_last();
  order.free_bytes = request.free_bytes();
  if (order.free_bytes > 0 && (request.has_older_than() || request.keep_last() > 0)) {
    return Invalid("free_bytes goes by age alone: not with older_than or keep_last");
  }
  return order;
}

void Encode(const eviction::ListedRepo& repo, v1::CachedRepo* out,
            absl::FunctionRef<bool(const RepoId&)> may_name) {
  Encode(repo.repo, out->mutable_repo());
  out->set_size_bytes(repo.size_bytes);
  out->set_file_count(repo.file_count);
  Encode(repo.last_access, out->mutable_last_access());
  Encode(repo.last_modified, out->mutable_last_modified());
  for (const eviction::ListedRevision& revision : repo.revisions) Encode(revision, out->add_revisions());
  for (const eviction::ListedSelection& selection : repo.selections) {
    Encode(selection, out->add_selections());
    if (selection.pin) out->set_pinned(true);
  }
  for (const RepoId& dependent : repo.protected_by) {
    if (may_name(dependent)) Encode(dependent, out->add_protected_by());
  }
}

void Encode(const CommitId& commit, const inventory::PulledSelection& selection, v1::SelectionChoice* out) {
  out->set_commit(commit.hex());
  out->set_label(Sendable(selection.label));
  out->set_text(Sendable(selection.why));
  Encode(selection.chosen_at, out->mutable_at());
}

void Encode(const adoption::UnsafeFile& file, v1::FileVerdict* out) {
  out->set_path(Sendable(file.path));
  out->set_verdict(file.verdict);
  out->set_format(file.format);
  out->set_pickle(file.pickle);
  out->set_code(file.code);
  out->set_reason(Sendable(file.reason));
}

void Encode(const guard::GivenConsent& consent, v1::Consent* out) {
  out->set_path(Sendable(consent.path));
  out->set_commit(consent.commit.hex());
  out->set_blob(consent.blob.hex());
  for (int i = 0; i < safety::kGradeCount; ++i) {
    const auto grade = static_cast<safety::Grade>(i);
    if (consent.grades.Has(grade)) out->add_classes(std::string(safety::GradeName(grade)));
  }
  if (consent.is_objected) out->add_classes("hub-scan");
  out->set_uid(consent.who.uid);
  out->set_tool(Sendable(consent.who.tool));
  Encode(consent.at, out->mutable_at());
}

void Encode(const eviction::Line& line, v1::EvictionLine* out) {
  Encode(line.selection.repo, out->mutable_repo());
  out->set_commit(line.selection.commit.hex());
  for (const std::string& ref : line.refs) out->add_refs(Sendable(ref));
  out->set_label(Sendable(line.label));
  out->set_size_bytes(line.size_bytes);
  out->set_freed_bytes(line.freed_bytes);
  Encode(line.last_access, out->mutable_last_access());
  out->set_goes(line.goes);
  out->set_why(Sendable(line.why));
}

void Encode(const eviction::CacheUsage& usage, v1::GetUsageResponse* out) {
  out->set_used_bytes(usage.used_bytes);
  out->set_shared_bytes(usage.shared_bytes);
  out->set_reclaimable_bytes(usage.reclaimable_bytes);
  out->set_loose_bytes(usage.loose_bytes);
  out->set_free_bytes(usage.free_bytes);
  out->set_disk_bytes(usage.total_bytes);
  out->set_max_bytes(usage.quota.max_bytes);
  out->set_min_free_bytes(usage.quota.min_free_bytes);
}

void Encode(const cache::SurveyedSnapshot& snapshot, v1::LeaseResponse* out) {
  out->set_commit(snapshot.commit.hex());
  for (const std::string& ref : snapshot.refs) out->add_refs(Sendable(ref));
  for (const cache::SurveyedFile& file : snapshot.files) {
    v1::CachedFile* const encoded = out->add_files();
    encoded->set_path(Sendable(file.path));
    encoded->set_blob(Sendable(file.blob));
    encoded->set_size_bytes(file.size_bytes);
  }
}

void Encode(const CachedPlace& place, v1::ResolveResponse* out) {
  out->set_path(place.path.string());
  out->set_commit(place.commit.hex());
}

}  // namespace batuta::service
