#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "batuta/v1/budget_service.pb.h"
#include "batuta/v1/hub_service.pb.h"
#include "batuta/v1/job_service.pb.h"
#include "batuta/v1/types.pb.h"

#include "daemon/budget/reservation.h"
#include "daemon/budget/window.h"
#include "daemon/hub/hub_client.h"
#include "daemon/jobs/job.h"
#include "daemon/pull/planner.h"

// Messages ↔ structs of the domain. Decoding checks syntax and bounds and nothing else; pure.
namespace batuta::service {

absl::StatusOr<RepoType> DecodeType(v1::RepoType type);
absl::StatusOr<RepoId> DecodeRepo(const v1::RepoId& repo);

// Empty = main.
absl::StatusOr<Revision> DecodeRevision(const std::string& revision);
absl::StatusOr<hub::SearchQuery> DecodeSearch(const v1::SearchRequest& request);

// Both together are INVALID_ARGUMENT.
absl::StatusOr<hub::Memory> DecodeMemory(bool refresh, bool offline);
absl::StatusOr<Priority> DecodePriority(v1::Priority priority);
absl::StatusOr<budget::ReserveRequest> DecodeReserve(const v1::ReserveRequest& request);
absl::StatusOr<budget::ReportedAnswer> DecodeSettle(const v1::SettleRequest& request);
absl::StatusOr<pull::PullRequest> DecodePull(const v1::PullSpec& spec);

// What comes from the disk may be any bytes, and a message with such text cannot be parsed.
std::string Sendable(std::string text);

v1::Job::State EncodeState(jobs::JobState state);
void Encode(WallTime time, google::protobuf::Timestamp* out);
void Encode(const RepoId& repo, v1::RepoId* out);
void Encode(const Entry& entry, v1::Entry* out);
void Encode(const hub::RepoSummary& summary, v1::RepoSummary* out);
void Encode(const hub::RepoInfo& info, v1::GetRepoResponse* out);
void Encode(const hub::Identity& identity, v1::WhoAmIResponse* out);
void Encode(const pull::Review& review, v1::RepoReview* out);
void Encode(const pull::PlannedFile& file, v1::PullFile* out);
void Encode(const jobs::JobFile& file, v1::PullFile* out);
void Encode(const jobs::JobView& job, v1::Job* out);
void Encode(const budget::WindowView& window, v1::Window* out);
void Encode(const transport::WaitInfo& info, v1::ReserveResponse::Waiting* out);
void Encode(const budget::Reservation& reservation, v1::ReserveResponse::Reservation* out);

}  // namespace batuta::service
