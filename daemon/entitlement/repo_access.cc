#include "daemon/entitlement/repo_access.h"

#include <nlohmann/json.hpp>

namespace batuta::entitlement {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

std::optional<Gate> ParseGate(std::string_view text) {
  for (const Gate gate : {Gate::kPublic, Gate::kGated, Gate::kPrivate}) {
    if (text == ToString(gate)) return gate;
  }
  return std::nullopt;
}

}  // namespace

std::string_view ToString(Gate gate) {
  switch (gate) {
    case Gate::kPublic:
      return "public";
    case Gate::kGated:
      return "gated";
    case Gate::kPrivate:
      return "private";
  }
  return "private";
}

bool Holds(WallTime proved_at, WallTime now, std::chrono::milliseconds lifetime) {
  return proved_at <= now && now - proved_at < lifetime;
}

bool MayRead(const RepoAccess& access, uint32_t uid, WallTime now, const Lifetimes& lifetimes) {
  if (access.gate == Gate::kPublic) return true;
  const auto proof = access.proofs.find(uid);
  return proof != access.proofs.end() && Holds(proof->second, now, lifetimes.grant);
}

cache::Readers ReadersOf(const RepoAccess& access, WallTime now, const Lifetimes& lifetimes) {
  cache::Readers readers{.group = access.gate == Gate::kPublic};
  if (readers.group) return readers;
  for (const auto& [uid, proved_at] : access.proofs) {
    if (Holds(proved_at, now, lifetimes.grant)) readers.uids.push_back(uid);
  }
  return readers;
}

Step NextStep(const RepoAccess* access, uint32_t uid, WallTime now, const Lifetimes& lifetimes, bool may_ask,
              std::string_view brings) {
  const bool may_read = access != nullptr && MayRead(*access, uid, now, lifetimes);
  if (!may_ask) return may_read ? Step::kAdmit : Step::kRefuse;
  if (!may_read) return Step::kAsk;
  // What is new may be the first thing in it that is not for everybody.
  if (access->gate == Gate::kPublic && !brings.empty() && brings != access->commit) return Step::kAsk;
  const WallTime said_at = access->gate == Gate::kPublic ? access->told_at : access->proofs.at(uid);
  return Holds(said_at, now, lifetimes.proof) ? Step::kAdmit : Step::kAsk;
}

std::string Encode(const RepoAccess& access) {
  json proofs = json::object();
  for (const auto& [uid, proved_at] : access.proofs) proofs[std::to_string(uid)] = ToUnixMillis(proved_at);
  return json{{"v", kVersion},
              {"gate", ToString(access.gate)},
              {"told_ms", ToUnixMillis(access.told_at)},
              {"proofs", std::move(proofs)},
              {"commit", access.commit}}
      .dump();
}

std::optional<RepoAccess> Decode(std::string_view text) {
  try {
    const json record = json::parse(text);
    const std::optional<Gate> gate = ParseGate(record.at("gate").get<std::string>());
    if (record.at("v") != kVersion || !gate) return std::nullopt;
    RepoAccess access{.gate = *gate,
                      .told_at = FromUnixMillis(record.at("told_ms").get<int64_t>()),
                      .commit = record.value("commit", std::string())};
    for (const auto& [uid, proved_ms] : record.at("proofs").items()) {
      access.proofs.emplace(static_cast<uint32_t>(std::stoul(uid)), FromUnixMillis(proved_ms.get<int64_t>()));
    }
    return access;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace batuta::entitlement
