#pragma once

#include <filesystem>

#include "absl/status/statusor.h"

#include "batuta/v1/push.pb.h"
#include "batuta/v1/push_service.pb.h"

#include "daemon/card/card.h"
#include "daemon/jobs/job.h"
#include "daemon/push/planner.h"
#include "daemon/push/push_request.h"

// Messages ↔ structs of pushes. Pure.
namespace batuta::service {

// What a card is asked for.
struct CardWish {
  std::filesystem::path path;
  RepoId repo;
};

//   kInvalidArgument (INVALID_REPO_ID, INVALID_REVISION, INVALID_ARGUMENT)
absl::StatusOr<push::PushRequest> DecodePush(const v1::PushSpec& spec);
absl::StatusOr<CardWish> DecodeCardWish(const v1::PreviewCardRequest& request);

void Encode(const push::PlanProgress& progress, v1::PlanProgress* out);
void Encode(const push::PushPlan& plan, v1::PushPlan* out);
void Encode(const push::PlannedPushFile& file, v1::PushFile* out);
void Encode(const jobs::PushedFile& file, v1::PushFile* out);
void Encode(const card::Card& card, v1::PreviewCardResponse* out);

}  // namespace batuta::service
