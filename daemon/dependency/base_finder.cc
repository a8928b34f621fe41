#include "daemon/dependency/base_finder.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"

namespace batuta::dependency {
namespace {

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower({text.data(), text.size()});
}

}  // namespace

std::string_view ToString(Match match) {
  switch (match) {
    case Match::kExact:
      return "";
    case Match::kLetterCase:
      return "in another letter case";
    case Match::kRenamed:
      return "renamed on the hub";
    case Match::kSameName:
      return "perhaps moved: it has the same name";
  }
  return "";
}

BaseFinder::BaseFinder(const std::vector<RepoId>& cached, const Renames& renames) {
  std::vector<RepoId> sorted = cached;
  std::sort(sorted.begin(), sorted.end());
  for (const RepoId& repo : sorted) {
    if (repo.type() != RepoType::kModel) continue;
    by_id_[Lower(repo.id())].push_back(repo);
    by_name_[Lower(repo.name())].push_back(repo);
  }
  for (const auto& [old_id, new_id] : renames) newer_.emplace(Lower(old_id), Lower(new_id));
}

std::vector<FoundBase> BaseFinder::Find(const RepoId& base) const {
  if (base.type() != RepoType::kModel) return {};
  std::vector<FoundBase> found = FindSpelled(base.id(), Match::kLetterCase);
  if (!found.empty()) return found;
  found = FindRenamed(base);
  if (!found.empty()) return found;
  const auto same_name = by_name_.find(Lower(base.name()));
  if (same_name == by_name_.end()) return {};
  for (const RepoId& repo : same_name->second) found.push_back({repo, Match::kSameName});
  return found;
}

// The exact spelling alone, when it is there.
std::vector<FoundBase> BaseFinder::FindSpelled(std::string_view id, Match otherwise) const {
  const auto spellings = by_id_.find(Lower(id));
  if (spellings == by_id_.end()) return {};
  std::vector<FoundBase> found;
  for (const RepoId& repo : spellings->second) {
    if (repo.id() == id) return {{repo, Match::kExact}};
    found.push_back({repo, otherwise});
  }
  return found;
}

// Along the renames in both directions: the cache may have the repo under any of its names.
std::vector<FoundBase> BaseFinder::FindRenamed(const RepoId& base) const {
  std::set<std::string> names = {Lower(base.id())};
  for (size_t before = 0; before != names.size();) {
    before = names.size();
    for (const auto& [old_id, new_id] : newer_) {
      if (names.count(old_id) + names.count(new_id) == 1) names.insert({old_id, new_id});
    }
  }
  std::vector<FoundBase> found;
  for (const std::string& name : names) {
    for (FoundBase& repo : FindSpelled(name, Match::kRenamed)) {
      found.push_back({repo.repo, Match::kRenamed});
    }
  }
  return found;
}

}  // namespace batuta::dependency
