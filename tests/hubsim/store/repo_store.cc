#include "tests/hubsim/store/repo_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/hubsim/net/url.h"

namespace batuta::hubsim {
namespace {

constexpr std::size_t kLongestName = 96;

bool IsWordCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool IsValidPart(std::string_view part) {
  return !part.empty() && part.size() <= kLongestName && IsWordCharacter(part.front()) &&
         IsWordCharacter(part.back()) &&
         std::ranges::all_of(part, [](char c) { return IsWordCharacter(c) || c == '-' || c == '.'; });
}

}  // namespace

bool IsValidRepoId(std::string_view id) {
  const std::vector<std::string> parts = Split(id, '/');
  return parts.size() <= 2 && std::ranges::all_of(parts, IsValidPart) &&
         id.find("--") == std::string_view::npos && id.find("..") == std::string_view::npos &&
         !id.ends_with(".git");
}

absl::StatusOr<Repo*> RepoStore::Create(RepoKind kind, const std::string& id, RepoSettings settings) {
  if (!IsValidRepoId(id)) return absl::InvalidArgumentError("\"" + id + "\" is no valid repo name");
  const Key key(kind, id);
  if (repos_.contains(key)) return absl::AlreadyExistsError("repo " + id + " exists");
  aliases_.erase(key);
  Repo repo;
  repo.kind = kind;
  repo.id = id;
  // A repo made anew under an old name is another repo: the counter makes its id differ.
  repo.object_id = ObjectIdFor(fmt::format("{}/{}#{}", KindPlural(kind), id, created_++));
  repo.settings = std::move(settings);
  return &repos_.emplace(key, std::move(repo)).first->second;
}

Repo* RepoStore::Find(RepoKind kind, std::string_view id) {
  const auto entry = repos_.find(Key(kind, id));
  return entry == repos_.end() ? nullptr : &entry->second;
}

std::optional<std::string> RepoStore::FindAlias(RepoKind kind, std::string_view id) {
  if (const auto alias = aliases_.find(Key(kind, id)); alias != aliases_.end()) return alias->second;
  const std::string lower = ToLower(id);
  for (const auto& [key, repo] : repos_) {
    if (key.first == kind && key.second != id && ToLower(key.second) == lower) return key.second;
  }
  return std::nullopt;
}

void RepoStore::AddAlias(RepoKind kind, const std::string& from, const std::string& to) {
  aliases_[Key(kind, from)] = to;
}

absl::Status RepoStore::Rename(RepoKind kind, const std::string& from, const std::string& to) {
  if (!IsValidRepoId(to)) return absl::InvalidArgumentError("\"" + to + "\" is no valid repo name");
  auto entry = repos_.find(Key(kind, from));
  if (entry == repos_.end()) return absl::NotFoundError("repo " + from + " does not exist");
  if (repos_.contains(Key(kind, to))) return absl::AlreadyExistsError("repo " + to + " exists");
  Repo repo = std::move(entry->second);
  repos_.erase(entry);
  repo.id = to;
  repos_.emplace(Key(kind, to), std::move(repo));
  aliases_.erase(Key(kind, to));
  AddAlias(kind, from, to);
  return absl::OkStatus();
}

absl::Status RepoStore::Delete(RepoKind kind, const std::string& id) {
  if (repos_.erase(Key(kind, id)) == 0) return absl::NotFoundError("repo " + id + " does not exist");
  return absl::OkStatus();
}

void RepoStore::ForEach(RepoKind kind, const std::function<void(Repo&)>& visit) {
  for (auto& [key, repo] : repos_) {
    if (key.first == kind) visit(repo);
  }
}

void RepoStore::AddUser(User user) {
  std::erase_if(users_, [&user](const User& other) { return other.token == user.token; });
  users_.push_back(std::move(user));
}

const User* RepoStore::FindUserByToken(std::string_view token) const {
  const auto user = std::ranges::find(users_, token, &User::token);
  return user == users_.end() ? nullptr : &*user;
}

const User* RepoStore::FindUserByName(std::string_view name) const {
  const auto user = std::ranges::find(users_, name, &User::name);
  return user == users_.end() ? nullptr : &*user;
}

bool RepoStore::IsOrganization(std::string_view name) const {
  return std::ranges::any_of(
      users_, [name](const User& user) { return std::ranges::find(user.orgs, name) != user.orgs.end(); });
}

std::vector<std::string> RepoStore::MembersOf(std::string_view organization) const {
  std::vector<std::string> members;
  for (const User& user : users_) {
    if (std::ranges::find(user.orgs, organization) != user.orgs.end()) members.push_back(user.name);
  }
  return members;
}

}  // namespace batuta::hubsim
