#include "daemon/inventory/hub_facts.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include <nlohmann/json.hpp>

#include "common/status/status.h"
#include "daemon/dependency/sources.h"

namespace batuta::inventory {
namespace {

using metadata::Durability;
using metadata::Table;

constexpr size_t kMostFacts = 1'000;
constexpr size_t kMostTags = 16;

bool SaysBase(const std::string& tag) {
  const auto found = dependency::FromTags({tag});
  return !found.empty() && dependency::ProtectsBase(found.front().relation);
}

std::vector<std::string> ThatSayBases(const std::vector<std::string>& tags) {
  std::vector<std::string> kept;
  for (const std::string& tag : tags) {
    if (kept.size() < kMostTags && SaysBase(tag)) kept.push_back(tag);
  }
  return kept;
}

}  // namespace

absl::Status HubFacts::Load() {
  std::map<RepoId, Fact> facts;
  RETURN_IF_ERROR(store_.Scan(Table::kHubFacts, "", [&](std::string_view key, std::string_view value) {
    auto repo = RepoId::FromFolder(key);
    const auto record = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
    if (!repo.ok() || !record.is_object()) return true;
    Fact fact{repo->id(), {}};
    if (const auto id = record.find("id"); id != record.end() && id->is_string())
      fact.id = id->get<std::string>();
    if (const auto tags = record.find("tags"); tags != record.end() && tags->is_array()) {
      for (const nlohmann::json& tag : *tags) {
        if (tag.is_string()) fact.tags.push_back(tag.get<std::string>());
      }
    }
    facts.emplace(*std::move(repo), std::move(fact));
    return true;
  }));
  MutexLock lock(mutex_);
  facts_.merge(facts);  // what was learned meanwhile is newer
  return absl::OkStatus();
}

absl::Status HubFacts::Learn(const RepoId& asked, const RepoId& now, const std::vector<std::string>& tags) {
  if (asked.type() != RepoType::kModel || now.type() != RepoType::kModel) return absl::OkStatus();
  const Fact fact{now.id(), ThatSayBases(tags)};
  RETURN_IF_ERROR(Keep(now, fact));
  return asked == now ? absl::OkStatus() : Keep(asked, fact);
}

absl::Status HubFacts::Keep(const RepoId& repo, const Fact& fact) {
  // Letter case is nothing to the hub.
  const bool says_nothing = fact.tags.empty() && absl::EqualsIgnoreCase(fact.id, repo.id());
  {
    MutexLock lock(mutex_);
    const auto known = facts_.find(repo);
    if (known == facts_.end() ? says_nothing || facts_.size() >= kMostFacts : known->second == fact) {
      return absl::OkStatus();
    }
    if (says_nothing) {
      facts_.erase(known);
    } else {
      facts_[repo] = fact;
    }
  }
  if (says_nothing) return metadata::Delete(store_, Table::kHubFacts, repo.folder(), Durability::kProcess);
  const nlohmann::json record = {{"v", 1}, {"id", fact.id}, {"tags", fact.tags}};
  return metadata::Put(store_, Table::kHubFacts, repo.folder(), record.dump(), Durability::kProcess);
}

dependency::BaseFinder::Renames HubFacts::Renames() const {
  dependency::BaseFinder::Renames renames;
  MutexLock lock(mutex_);
  for (const auto& [repo, fact] : facts_) {
    if (!absl::EqualsIgnoreCase(fact.id, repo.id())) renames.emplace(repo.id(), fact.id);
  }
  return renames;
}

std::vector<dependency::Dependency> HubFacts::NeedsOf(const RepoId& repo) const {
  MutexLock lock(mutex_);
  const auto found = facts_.find(repo);
  if (found == facts_.end()) return {};
  return dependency::FromTags(found->second.tags);
}

}  // namespace batuta::inventory
