#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"

#include "batuta/v1/push.pb.h"
#include "batuta/v1/push_service.pb.h"

#include "daemon/card/card.h"
#include "daemon/jobs/job.h"
#include "daemon/push/folder_talk.h"
#include "daemon/push/planner.h"
#include "daemon/push/push_request.h"

// Messages ↔ structs of pushes. Pure.
namespace batuta::service {

// What a card is asked for.
struct CardWish {
  std::filesystem::path path;
  std::optional<push::ServedBy> served;
  RepoId repo;
};

//   kInvalidArgument (INVALID_REPO_ID, INVALID_REVISION, INVALID_ARGUMENT)
// `uid` asks.
absl::StatusOr<push::PushRequest> DecodePush(const v1::PushSpec& spec, uint32_t uid);
absl::StatusOr<CardWish> DecodeCardWish(const v1::PreviewCardRequest& request, uint32_t uid);

// A folder that a client serves.
struct FolderOffer {
  std::filesystem::path path;            // of the folder
  std::optional<std::string> only_file;  // that is served of it

  // As a push names it.
  std::filesystem::path name() const { return only_file ? path / *only_file : path; }
};

//   kInvalidArgument (INVALID_ARGUMENT)
absl::StatusOr<FolderOffer> DecodeOffer(const v1::ServeFolderRequest& request);

// What a client answered, with the bytes that came with it; nothing of it is believed yet. Takes the names
// out of the message.
push::FolderAnswer DecodeAnswer(v1::ServeFolderRequest& request, absl::Cord data);
void Encode(const push::FolderQuestion& question, v1::ServeFolderResponse* out);

void Encode(const push::PlanProgress& progress, v1::PlanProgress* out);
void Encode(const push::PushPlan& plan, v1::PushPlan* out);
void Encode(const push::PlannedPushFile& file, v1::PushFile* out);
void Encode(const jobs::PushedFile& file, v1::PushFile* out);
void Encode(const card::Card& card, v1::PreviewCardResponse* out);

}  // namespace batuta::service
