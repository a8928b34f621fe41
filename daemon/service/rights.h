#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string_view>

#include "absl/status/status.h"

#include "common/types/repo_id.h"
#include "daemon/entitlement/admission.h"
#include "daemon/entitlement/entitlements.h"
#include "daemon/hub/hub_client.h"

namespace batuta::service {

// What callers may do with what they share. Everyone may pull, read what the hub lets them read, and has jobs
// and pins; what takes something from others is for admins.
struct Rights {
  std::set<uint32_t> admins;  // root and the daemon's own user are among them

  // Null: the cache is one user's, who may read all of it.
  const entitlement::Entitlements* entitlements = nullptr;
  entitlement::Admission* admission = nullptr;

  bool is_shared() const { return entitlements != nullptr; }
};

bool IsAdmin(const Rights& rights, uint32_t uid);

// kPermissionDenied (NOT_PERMITTED): "only an administrator of this daemon may WHAT".
absl::Status RequireAdmin(const Rights& rights, uint32_t uid, std::string_view what);

// The content of the repo, and that it is there. Never blocks.
bool MayRead(const Rights& rights, uint32_t uid, const RepoId& repo);

// That it is there: also for admins, who have to keep house.
bool MayKnow(const Rights& rights, uint32_t uid, const RepoId& repo);

// Core sequence: calls `done`, there too, when the caller may read the repo, or is found not to; see
// Admission::Admit().
void Admit(const Rights& rights, const RepoId& repo, const Revision& revision, const hub::Access& access,
           entitlement::Admission::Done done);

}  // namespace batuta::service
