// RepoStore holds all repos and users of the simulated hub, and the names that lead to them.
//
// Thread safety: the caller holds mutex() around every call and as long as it uses what a call returned.
// Contents are immutable and shared, so an answer's body is sent after the mutex was released.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/hubsim/store/git_tree.h"
#include "tests/hubsim/store/repo.h"

namespace batuta::hubsim {

class RepoStore {
 public:
  using Key = std::pair<RepoKind, std::string>;

  std::mutex& mutex() { return mutex_; }

  //   kAlreadyExists    there is a repo of that kind and name.
  //   kInvalidArgument  the name is not one the hub would take.
  absl::StatusOr<Repo*> Create(RepoKind kind, const std::string& id, RepoSettings settings);

  Repo* Find(RepoKind kind, std::string_view id);

  // Another spelling or a former name of a repo -> its present id.
  std::optional<std::string> FindAlias(RepoKind kind, std::string_view id);

  // Afterwards `from` leads to `to` until a repo is created under it. `from` need not be a repo now.
  void AddAlias(RepoKind kind, const std::string& from, const std::string& to);

  //   kNotFound, kAlreadyExists
  absl::Status Rename(RepoKind kind, const std::string& from, const std::string& to);
  absl::Status Delete(RepoKind kind, const std::string& id);

  void ForEach(RepoKind kind, const std::function<void(Repo&)>& visit);

  void AddUser(User user);
  const User* FindUserByToken(std::string_view token) const;
  const User* FindUserByName(std::string_view name) const;
  bool IsOrganization(std::string_view name) const;
  std::vector<std::string> MembersOf(std::string_view organization) const;

 private:
  std::mutex mutex_;
  std::map<Key, Repo> repos_;
  std::map<Key, std::string> aliases_;
  std::vector<User> users_;
  std::uint64_t created_ = 0;
};

// Whether the hub would take `id` as a repo name.
bool IsValidRepoId(std::string_view id);

}  // namespace batuta::hubsim
