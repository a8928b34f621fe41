#include "daemon/review/acquaintances.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/status/status.h"
#include "daemon/review/words.h"

namespace batuta::review {
namespace {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;

constexpr size_t kMostNamespaces = 100'000;
constexpr std::string_view kNamespace = "namespace";
constexpr std::string_view kRepo = "repo";

}  // namespace

bool IsAnother(const RepoIdentity& before, const RepoIdentity& now) {
  if (!before.hub_id.empty() && !now.hub_id.empty()) return before.hub_id != now.hub_id;
  return before.created && now.created && *now.created > *before.created;
}

std::string Acquaintances::KeyOf(std::string_view kind, std::string_view name) const {
  return fmt::format("{}\n{}\n{}", endpoint_, kind, Lower(name));
}

absl::Status Acquaintances::Load() {
  {
    MutexLock lock(mutex_);
    if (is_loaded_) return absl::OkStatus();
  }
  const std::string prefix = KeyOf(kNamespace, "");
  std::set<std::string> trusted;
  RETURN_IF_ERROR(store_.Scan(Table::kNames, prefix, [&](std::string_view key, std::string_view /*value*/) {
    trusted.emplace(key.substr(prefix.size()));
    return true;
  }));
  MutexLock lock(mutex_);
  trusted_.merge(trusted);
  is_loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::set<std::string>> Acquaintances::TrustedNamespaces() {
  RETURN_IF_ERROR(Load());
  MutexLock lock(mutex_);
  return trusted_;
}

absl::Status Acquaintances::Trust(std::string_view repo_namespace, const Principal& who, WallTime at) {
  if (repo_namespace.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Load());
  {
    MutexLock lock(mutex_);
    if (trusted_.size() >= kMostNamespaces || !trusted_.insert(Lower(repo_namespace)).second) {
      return absl::OkStatus();
    }
  }
  const json record = {{"v", 1}, {"uid", who.uid}, {"tool", who.tool}, {"at_ms", ToUnixMillis(at)}};
  return metadata::Put(store_, Table::kNames, KeyOf(kNamespace, repo_namespace),
                       record.dump(-1, ' ', false, json::error_handler_t::replace), Durability::kProcess);
}

absl::StatusOr<std::optional<RepoIdentity>> Acquaintances::IdentityOf(const RepoId& repo) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text,
                   store_.Get(Table::kNames, KeyOf(kRepo, repo.folder())));
  if (!text) return std::nullopt;
  const json record = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object()) return std::nullopt;  // met anew
  RepoIdentity identity;
  if (const auto id = record.find("id"); id != record.end() && id->is_string()) identity.hub_id = *id;
  if (const auto at = record.find("created_ms"); at != record.end() && at->is_number_integer()) {
    identity.created = FromUnixMillis(at->get<int64_t>());
  }
  return identity;
}

absl::Status Acquaintances::Remember(const RepoId& repo, const RepoIdentity& identity) {
  json record = {{"v", 1}, {"id", identity.hub_id}};
  if (identity.created) record["created_ms"] = ToUnixMillis(*identity.created);
  return metadata::Put(store_, Table::kNames, KeyOf(kRepo, repo.folder()),
                       record.dump(-1, ' ', false, json::error_handler_t::replace), Durability::kProcess);
}

}  // namespace batuta::review
