#include "daemon/cache/readers.h"

#include <cerrno>
#include <memory>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/acl.h>
#include <sys/stat.h>

#include "common/io/unique_fd.h"
#include "common/status/status.h"

namespace batuta::cache {
namespace {

constexpr mode_t kOwnerOnly = 0700;
constexpr mode_t kGroupToo = 0750;
constexpr mode_t kGroupPasses = 0710;

struct FreeAcl {
  void operator()(void* acl) const { acl_free(acl); }
};

using Acl = std::unique_ptr<std::remove_pointer_t<acl_t>, FreeAcl>;

// Tags and rights are those of POSIX 1003.1e. `uid`: of ACL_USER.
struct AclLine {
  acl_tag_t tag;
  bool may_enter = false;
  bool may_write = false;
  uid_t uid = 0;
};

bool AddLine(acl_t* acl, const AclLine& line) {
  acl_entry_t entry = nullptr;
  acl_permset_t rights = nullptr;
  if (acl_create_entry(acl, &entry) != 0 || acl_set_tag_type(entry, line.tag) != 0) return false;
  if (line.tag == ACL_USER && acl_set_qualifier(entry, &line.uid) != 0) return false;
  if (acl_get_permset(entry, &rights) != 0 || acl_clear_perms(rights) != 0) return false;
  if (line.may_enter && (acl_add_perm(rights, ACL_READ) != 0 || acl_add_perm(rights, ACL_EXECUTE) != 0)) {
    return false;
  }
  return !line.may_write || acl_add_perm(rights, ACL_WRITE) == 0;
}

// Null: out of memory.
Acl AclOf(const Readers& readers) {
  std::vector<AclLine> lines = {{.tag = ACL_USER_OBJ, .may_enter = true, .may_write = true},
                                {.tag = ACL_GROUP_OBJ, .may_enter = readers.group},
                                {.tag = ACL_OTHER}};
  // A list that names nobody has no mask: it is a mode.
  if (!readers.uids.empty()) lines.push_back({.tag = ACL_MASK, .may_enter = true});
  for (const uint32_t uid : readers.uids) lines.push_back({.tag = ACL_USER, .may_enter = true, .uid = uid});
  acl_t acl = acl_init(static_cast<int>(lines.size()));
  if (acl == nullptr) return nullptr;
  bool is_good = true;
  for (const AclLine& line : lines) is_good = is_good && AddLine(&acl, line);
  Acl owned(acl);
  return is_good ? std::move(owned) : nullptr;
}

absl::Status Failed(const std::filesystem::path& folder, std::string_view what) {
  return ErrnoError(errno, fmt::format("{} {}", what, folder.string()));
}

absl::Status NoLists(const std::filesystem::path& folder) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kStorageFailed,
                   fmt::format("the file system of {} keeps no access control lists", folder.string()),
                   "gated and private repos need a cache on ext4, xfs, btrfs or the like");
}

}  // namespace

absl::StatusOr<bool> MakeClosedFolder(const std::filesystem::path& folder) {
  if (mkdir(folder.c_str(), kOwnerOnly) == 0) return true;
  if (errno == EEXIST) return false;
  return Failed(folder, "make folder");
}

absl::Status SetReaders(const std::filesystem::path& folder, const Readers& readers) {
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return errno == ENOENT ? absl::OkStatus() : Failed(folder, "open folder");
  const Acl acl = AclOf(readers);
  if (acl == nullptr) return Failed(folder, "make the access control list of");
  // One step: whoever may read before and after is never turned away in between.
  if (acl_set_fd(fd.get(), acl.get()) == 0) return absl::OkStatus();
  if (errno != ENOTSUP) return Failed(folder, "set the access control list of");
  if (fchmod(fd.get(), readers.group ? kGroupToo : kOwnerOnly) != 0) return Failed(folder, "set the mode of");
  return readers.uids.empty() ? absl::OkStatus() : NoLists(folder);
}

absl::Status CloseRoot(const std::filesystem::path& root) {
  return chmod(root.c_str(), kGroupPasses) == 0 ? absl::OkStatus() : Failed(root, "close folder");
}

}  // namespace batuta::cache
