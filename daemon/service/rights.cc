#include "daemon/service/rights.h"

#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::service {

bool IsAdmin(const Rights& rights, uint32_t uid) {
  return rights.admins.contains(uid);
}

absl::Status RequireAdmin(const Rights& rights, uint32_t uid, std::string_view what) {
  if (IsAdmin(rights, uid)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
                   fmt::format("only an administrator of this daemon may {}", what),
                   "ask one (root, or who stands in users.admins), or use a daemon of your own: batutad");
}

bool MayRead(const Rights& rights, uint32_t uid, const RepoId& repo) {
  return !rights.is_shared() || rights.entitlements->MayRead(repo, uid);
}

bool MayKnow(const Rights& rights, uint32_t uid, const RepoId& repo) {
  return IsAdmin(rights, uid) || MayRead(rights, uid, repo);
}

void Admit(const Rights& rights, const RepoId& repo, const Revision& revision, const hub::Access& access,
           entitlement::Admission::Done done) {
  if (!rights.is_shared()) return done(absl::OkStatus());
  rights.admission->Admit(repo, revision, access, /*brings=*/std::nullopt, std::move(done));
}

}  // namespace batuta::service
