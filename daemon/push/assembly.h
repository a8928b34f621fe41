#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/types/entry.h"
#include "daemon/card/card.h"
#include "daemon/hub/repo_writer.h"
#include "daemon/push/diff.h"
#include "daemon/push/folder.h"
#include "daemon/push/plan.h"
#include "daemon/push/push_request.h"

// How a plan is put together from what was found out. Pure.
namespace batuta::push {

// What the repo is before the push.
struct RemoteState {
  bool exists = false;
  bool has_branch = false;
  bool is_private = false;
  std::string license = {};
  std::optional<Tree> tree =
      {};  // of the branch, or of the one that it will leave; nothing: nothing is there
};

// The plan as far as names and hashes say: files with their changes, what stands against them.
PushPlan Assemble(const PushRequest& request, const FolderListing& listing,
                  const std::vector<std::optional<ContentId>>& ids, const RemoteState& remote);

// Puts the card, and what comes with it, among the files.
absl::Status AddCard(const card::Card& card, const RemoteState& remote, PushPlan* plan);

// Whether there is to be a card at all: of a whole model folder, unless the folder has none and the repo
// keeps the one that it has. One that was made is not in the folder: where all that is not there is deleted
// it is made anew.
bool WantsCard(const PushRequest& request, const FolderListing& listing, const RemoteState& remote,
               const PushPlan& plan);

// What the hub says of the files that it was asked about, at these positions.
void Take(const std::vector<hub::PreuploadAnswer>& answers, const std::vector<size_t>& files, PushPlan* plan);

// At last: the sums, and the digest.
void Conclude(std::string_view message, PushPlan* plan);

}  // namespace batuta::push
