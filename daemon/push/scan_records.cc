#include "daemon/push/scan_records.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/secrets/file_profile.h"
#include "daemon/secrets/rule.h"

namespace batuta::push {
namespace {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;
using secrets::Finding;
using secrets::ScanReport;

constexpr std::string_view kForgottenKey = "forgotten";  // → when old ones were dropped last
constexpr size_t kForgottenAtOnce = 1'000;               // bounds the memory, however many are gone

// Half of a SHA-256, in hex; empty where the crypto library refuses.
std::string ShortName(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return "";
  std::string name;
  for (size_t i = 0; i < 16; ++i) name += fmt::format("{:02x}", digest[i]);
  return name;
}

int64_t DayOf(const Clock& clock) {
  return std::chrono::floor<std::chrono::days>(clock.wall()).time_since_epoch().count();
}

// What stands behind the path of the file: "!member" or ": why". Nothing when it is not about this file.
std::optional<std::string> Behind(std::string_view path, std::string_view text) {
  if (!text.starts_with(path)) return std::nullopt;
  return std::string(text.substr(path.size()));
}

// Nothing where the names of members are no UTF-8, so that they could not be told again.
std::optional<std::string> Encode(std::string_view path, const ScanReport& report, std::string_view rules,
                                  int64_t day) {
  json record = {{"v", 1}, {"rules", rules}, {"day", day}};
  if (report.findings_left_out > 0) record["left_out"] = report.findings_left_out;
  if (report.allowed > 0) record["allowed"] = report.allowed;
  for (const Finding& finding : report.findings) {
    const std::optional<std::string> member = Behind(path, finding.path);
    if (!member.has_value()) return std::nullopt;
    record["findings"].push_back({{"member", *member},
                                  {"line", finding.line},
                                  {"column", finding.column},
                                  {"kind", finding.kind},
                                  {"description", finding.description},
                                  {"tier", static_cast<int>(finding.tier)},
                                  {"excerpt", finding.excerpt}});
  }
  for (const std::string& part : report.unread) {
    const std::optional<std::string> why = Behind(path, part);
    if (!why.has_value()) return std::nullopt;
    record["unread"].push_back(*why);
  }
  try {
    return record.dump();
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

std::optional<ScanReport> Decode(std::string_view text, std::string_view path, std::string_view rules) {
  try {
    const json record = json::parse(text);
    if (record.at("v") != 1 || record.at("rules") != rules) return std::nullopt;
    ScanReport report;
    report.findings_left_out = record.value("left_out", uint64_t{0});
    report.allowed = record.value("allowed", uint64_t{0});
    for (const json& each : record.value("findings", json::array())) {
      const int tier = each.at("tier").get<int>();
      if (tier < 0 || tier > static_cast<int>(secrets::Tier::kPossible)) return std::nullopt;
      Finding finding = {.path = fmt::format("{}{}", path, each.at("member").get<std::string>()),
                         .line = each.at("line").get<uint64_t>(),
                         .column = each.at("column").get<uint64_t>(),
                         .kind = each.at("kind").get<std::string>(),
                         .description = each.at("description").get<std::string>(),
                         .tier = static_cast<secrets::Tier>(tier),
                         .excerpt = each.at("excerpt").get<std::string>(),
                         .fingerprint = {}};
      finding.fingerprint = secrets::FingerprintOf(finding.path, finding.kind, finding.line);
      report.findings.push_back(std::move(finding));
    }
    for (const json& why : record.value("unread", json::array())) {
      report.unread.push_back(fmt::format("{}{}", path, why.get<std::string>()));
    }
    return report;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

bool IsOld(std::string_view text, int64_t oldest_day) {
  try {
    return json::parse(text).at("day").get<int64_t>() < oldest_day;
  } catch (const json::exception&) {
    return true;
  }
}

}  // namespace

std::string RulesName(std::string_view gitleaks_toml, bool allows_comments, std::string_view realm) {
  return ShortName(fmt::format("{} {} {}{}{}", secrets::kRuleVersion, allows_comments ? "comments" : "all",
                               realm, realm.empty() ? "" : "/", gitleaks_toml));
}

ScanRecords::ScanRecords(metadata::MetadataStore& store, const Clock& clock, std::string rules, bool by_path)
    : store_(store), clock_(clock), rules_(std::move(rules)), by_path_(by_path) {}

std::string ScanRecords::KeyOf(const BlobId& sha256, std::string_view path) const {
  return fmt::format("{}/{}", sha256.hex(), by_path_ ? ShortName(path) : secrets::NameClassOf(path));
}

std::optional<ScanReport> ScanRecords::Find(const BlobId& sha256, std::string_view path) const {
  if (rules_.empty()) return std::nullopt;
  const auto text = store_.Get(Table::kScans, KeyOf(sha256, path));
  if (!text.ok() || !text->has_value()) return std::nullopt;
  return Decode(**text, path, rules_);
}

void ScanRecords::Keep(const BlobId& sha256, std::string_view path, const ScanReport& report) const {
  const std::optional<std::string> text = Encode(path, report, rules_, DayOf(clock_));
  if (!text.has_value()) return;
  const absl::Status kept =
      metadata::Put(store_, Table::kScans, KeyOf(sha256, path), *text, Durability::kProcess);
  if (!kept.ok()) LogWarn("scan not kept", Field("error", std::string(MessageOf(kept))));
}

absl::StatusOr<uint64_t> ScanRecords::ForgetOld() const {
  const int64_t today = DayOf(clock_);
  ASSIGN_OR_RETURN(const std::optional<std::string> last, store_.Get(Table::kScans, kForgottenKey));
  if (last.has_value() && !IsOld(*last, today)) return 0;
  const json now = {{"v", 1}, {"day", today}};
  RETURN_IF_ERROR(metadata::Put(store_, Table::kScans, kForgottenKey, now.dump(), Durability::kProcess));
  uint64_t forgotten = 0;
  metadata::WriteBatch batch;
  absl::Status written;
  const auto write = [&] {
    forgotten += batch.changes().size();
    written = store_.Write(std::exchange(batch, {}), Durability::kProcess);
    return written.ok();
  };
  RETURN_IF_ERROR(store_.Scan(Table::kScans, "", [&](std::string_view key, std::string_view value) {
    if (!IsOld(value, today - kKept.count())) return true;
    batch.Delete(Table::kScans, std::string(key));
    return batch.changes().size() < kForgottenAtOnce || write();
  }));
  if (written.ok() && !batch.changes().empty()) write();
  RETURN_IF_ERROR(written);
  return forgotten;
}

}  // namespace batuta::push
