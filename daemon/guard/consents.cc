#include "daemon/guard/consents.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/status/status.h"

namespace batuta::guard {
namespace {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;

std::string PrefixOf(const RepoId& repo) {
  return repo.folder() + "/";
}

std::string Encode(const GivenConsent& consent) {
  return json{{"v", 1},
              {"path", consent.path},
              {"commit", consent.commit.hex()},
              {"blob", consent.blob.hex()},
              {"grades", consent.grades.bits()},
              {"objected", consent.is_objected},
              {"uid", consent.who.uid},
              {"tool", consent.who.tool},
              {"at_ms", ToUnixMillis(consent.at)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<GivenConsent> Decode(std::string_view text) {
  try {
    const json record = json::parse(text);
    const auto commit = CommitId::Parse(record.at("commit").get<std::string>());
    const auto blob = BlobId::Parse(record.at("blob").get<std::string>());
    if (record.at("v") != 1 || !commit.ok() || !blob.ok()) return std::nullopt;
    return GivenConsent{
        .path = record.at("path").get<std::string>(),
        .commit = *commit,
        .blob = *blob,
        .grades = safety::Grades::FromBits(record.at("grades").get<uint8_t>()),
        .is_objected = record.value("objected", false),
        .who = {.uid = record.at("uid").get<uint32_t>(), .tool = record.at("tool").get<std::string>()},
        .at = FromUnixMillis(record.at("at_ms").get<int64_t>())};
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string Consents::KeyOf(const RepoId& repo, const CommitId& commit, const BlobId& blob,
                            const Principal& who) const {
  std::string key = fmt::format("{}{}/{}", PrefixOf(repo), commit.hex(), blob.hex());
  if (scope_ == Scope::kWhoGave) key += fmt::format("/{}", who.uid);
  return key;
}

absl::Status Consents::Record(const RepoId& repo, GivenConsent consent) {
  const std::string key = KeyOf(repo, consent.commit, consent.blob, consent.who);
  ASSIGN_OR_RETURN(const std::optional<GivenConsent> before, Read(key));
  if (before.has_value()) {
    consent.grades.Add(before->grades);
    consent.is_objected |= before->is_objected;
  }
  return metadata::Put(store_, Table::kConsents, key, Encode(consent), Durability::kPower);
}

absl::StatusOr<safety::Grades> Consents::Find(const RepoId& repo, const CommitId& commit, const BlobId& blob,
                                              const Principal& who) {
  ASSIGN_OR_RETURN(const std::optional<GivenConsent> consent, Read(KeyOf(repo, commit, blob, who)));
  return consent.has_value() ? consent->grades : safety::Grades();
}

absl::StatusOr<std::optional<GivenConsent>> Consents::Read(const std::string& key) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, store_.Get(Table::kConsents, key));
  return text.has_value() ? Decode(*text) : std::nullopt;
}

absl::StatusOr<std::vector<GivenConsent>> Consents::Of(const RepoId& repo) {
  std::vector<GivenConsent> all;
  RETURN_IF_ERROR(
      store_.Scan(Table::kConsents, PrefixOf(repo), [&all](std::string_view, std::string_view value) {
        if (std::optional<GivenConsent> consent = Decode(value)) all.push_back(*std::move(consent));
        return true;
      }));
  return all;
}

}  // namespace batuta::guard
