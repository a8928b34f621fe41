#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "batuta/v1/cache_service.pb.h"

#include "daemon/adoption/adoption.h"
#include "daemon/cache/survey.h"
#include "daemon/eviction/evictor.h"
#include "daemon/eviction/listing.h"
#include "daemon/guard/consents.h"
#include "daemon/inventory/pins.h"
#include "daemon/service/cached_place.h"

// Messages of the cache service ↔ structs of the domain; as codec.h.
namespace batuta::service {

absl::StatusOr<std::vector<RepoId>> DecodeRepos(const google::protobuf::RepeatedPtrField<v1::RepoId>& repos);
absl::StatusOr<eviction::RemoveRequest> DecodeRemove(const v1::RemoveRequest& request);

// What nobody misses, or so many bytes by age.
struct PruneOrder {
  eviction::PruneRequest request;
  uint64_t free_bytes = 0;
};

absl::StatusOr<PruneOrder> DecodePrune(const v1::PruneRequest& request);

// `may_name`: of those which protect it.
void Encode(const eviction::ListedRepo& repo, v1::CachedRepo* out,
            absl::FunctionRef<bool(const RepoId&)> may_name);
void Encode(const eviction::Line& line, v1::EvictionLine* out);
void Encode(const adoption::UnsafeFile& file, v1::FileVerdict* out);
void Encode(const guard::GivenConsent& consent, v1::Consent* out);
void Encode(const CommitId& commit, const inventory::PulledSelection& selection, v1::SelectionChoice* out);
void Encode(const eviction::CacheUsage& usage, v1::GetUsageResponse* out);
void Encode(const cache::SurveyedSnapshot& snapshot, v1::LeaseResponse* out);
void Encode(const CachedPlace& place, v1::ResolveResponse* out);

}  // namespace batuta::service
