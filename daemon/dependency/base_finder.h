#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/types/repo_id.h"

namespace batuta::dependency {

// How a base was found in the cache.
enum class Match {
  kExact,
  kLetterCase,  // the hub does not tell ids apart by it
  kRenamed,     // the hub has said that the one is the other
  kSameName,    // the same name in another namespace, or in none: perhaps moved, and protected to be safe
};

// "", "in another letter case", "renamed on the hub", "perhaps moved: it has the same name".
std::string_view ToString(Match match);

struct FoundBase {
  RepoId repo;
  Match match = Match::kExact;

  friend bool operator==(const FoundBase&, const FoundBase&) = default;
};

// BaseFinder finds the models that a cache has for the name of a base: the first of the ways above that finds
// any. Immutable: thread-safe.
class BaseFinder {
 public:
  // Old id → new id, as the hub tells them.
  using Renames = std::map<std::string, std::string, std::less<>>;

  BaseFinder(const std::vector<RepoId>& cached, const Renames& renames);

  // In the order of their ids; empty when the cache has none.
  std::vector<FoundBase> Find(const RepoId& base) const;

 private:
  std::vector<FoundBase> FindSpelled(std::string_view id, Match otherwise) const;
  std::vector<FoundBase> FindRenamed(const RepoId& base) const;

  std::map<std::string, std::vector<RepoId>, std::less<>> by_id_;    // in lower case
  std::map<std::string, std::vector<RepoId>, std::less<>> by_name_;  // in lower case, without namespace
  std::map<std::string, std::string, std::less<>> newer_;            // in lower case
};

}  // namespace batuta::dependency
