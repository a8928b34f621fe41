#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/push/committer.h"
#include "daemon/transport/http_transport.h"

namespace batuta::push {

// What a push remembers of itself, so that after a restart it goes on where it stood and makes no commit
// twice.
struct PushMemory {
  bool is_agreed = false;               // it began to do what was agreed to, which stays what is done
  std::string folder = {};              // see PushPlan: what the folder held then
  std::string pull_request_url = {};    // of the one that it opened
  std::optional<Revision> branch = {};  // of that one: where the commits go
  std::optional<CommitId> head = {};    // where the branch stood when it began, or after its last commit
  std::string commit_url = {};
  std::optional<CommitIntent> intent = {};  // a commit that may have been made

  friend bool operator==(const PushMemory&, const PushMemory&) = default;
};

// The client that reads a folder for the daemon: see ServedFolders.
struct ServedBy {
  uint32_t uid = 0;     // whose client
  std::string id = {};  // of its stream, while that lasts

  friend bool operator==(const ServedBy&, const ServedBy&) = default;
};

// What one push was asked to do.
struct PushRequest {
  RepoId repo;
  std::string endpoint = {};   // of the hub that it was agreed to go to; empty: of whichever there is
  std::filesystem::path path;  // absolute: a folder, or one file
  std::optional<ServedBy> served = {};  // nothing: the daemon reads it itself
  Revision branch = Revision::Main();
  std::string message = {};  // empty: one is made of what changes
  std::string description = {};
  bool create_pr = false;
  bool is_private = false;
  std::vector<std::string> delete_globs = {};
  std::vector<std::string> allow_secrets = {};  // fingerprints
  bool makes_card = true;
  std::string space_sdk = {};
  std::string plan_digest = {};  // of the plan that was agreed to; empty: whatever it is
  Priority priority = Priority::kNormal;
  uint64_t limit_bytes_per_second = 0;  // 0 = none
  bool may_wait = true;                 // else a transient error is final
  PushMemory memory = {};
};

}  // namespace batuta::push
