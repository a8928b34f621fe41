#include "daemon/guard/verdicts.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::guard {
namespace {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;
using safety::Finding;
using safety::Verdict;

constexpr size_t kForgottenAtOnce = 1'000;  // bounds the memory, however many are gone

std::string Encode(const Verdict& verdict) {
  json findings = json::array();
  for (const Finding& finding : verdict.findings) {
    findings.push_back({{"code", finding.code},
                        {"grade", static_cast<int>(finding.grade)},
                        {"place", finding.place},
                        {"offset", finding.offset},
                        {"text", finding.text}});
  }
  const json record = {{"v", 1},
                       {"inspector", safety::kInspectorVersion},
                       {"format", verdict.format},
                       {"grades", verdict.grades.bits()},
                       {"pickle", verdict.has_pickle},
                       {"findings", std::move(findings)},
                       {"left_out", verdict.findings_left_out},
                       {"globals", verdict.globals},
                       {"notes", verdict.notes}};
  // Names come from the file, and need not be UTF-8.
  return record.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Verdict> Decode(std::string_view text) {
  try {
    const json record = json::parse(text);
    if (record.at("v") != 1 || record.at("inspector") != safety::kInspectorVersion) return std::nullopt;
    Verdict verdict{.format = record.at("format").get<std::string>(),
                    .grades = safety::Grades::FromBits(record.at("grades").get<uint8_t>()),
                    .has_pickle = record.at("pickle").get<bool>(),
                    .findings = {},
                    .findings_left_out = record.at("left_out").get<uint64_t>(),
                    .globals = record.at("globals").get<std::vector<std::string>>(),
                    .notes = record.at("notes").get<std::vector<std::string>>()};
    for (const json& finding : record.at("findings")) {
      const int grade = finding.at("grade").get<int>();
      if (grade < 0 || grade >= safety::kGradeCount) return std::nullopt;
      verdict.findings.push_back({.code = finding.at("code").get<std::string>(),
                                  .grade = static_cast<safety::Grade>(grade),
                                  .place = finding.at("place").get<std::string>(),
                                  .offset = finding.at("offset").get<uint64_t>(),
                                  .text = finding.at("text").get<std::string>()});
    }
    return verdict;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string Verdicts::KeyOf(const BlobId& blob, std::string_view path) {
  return fmt::format("{}/{}", blob.hex(), inspection_.NameClass(path));
}

std::optional<Verdict> Verdicts::Find(const BlobId& blob, std::string_view path) {
  const auto text = store_.Get(Table::kVerdicts, KeyOf(blob, path));
  if (!text.ok() || !text->has_value()) return std::nullopt;
  return Decode(**text);
}

absl::StatusOr<Verdict> Verdicts::Of(const BlobId& blob, std::string_view path, safety::ByteSource& bytes) {
  return Of(blob, path, bytes, [] { return absl::OkStatus(); });
}

absl::StatusOr<Verdict> Verdicts::Of(const BlobId& blob, std::string_view path, safety::ByteSource& bytes,
                                     absl::FunctionRef<absl::Status()> confirm) {
  if (std::optional<Verdict> known = Find(blob, path)) return *std::move(known);
  Inspection::Outcome outcome = inspection_.Inspect(path, bytes);
  RETURN_IF_ERROR(outcome.status);
  RETURN_IF_ERROR(confirm());
  const absl::Status kept = metadata::Put(store_, Table::kVerdicts, KeyOf(blob, path),
                                          Encode(outcome.verdict), Durability::kProcess);
  if (!kept.ok()) LogWarn("verdict not kept", Field("error", std::string(MessageOf(kept))));
  return std::move(outcome.verdict);
}

Verdicts::Glimpse Verdicts::Look(std::string_view path, safety::ByteSource& bytes) {
  Inspection::Outcome outcome = inspection_.Inspect(path, bytes);
  return {.verdict = std::move(outcome.verdict), .status = std::move(outcome.status)};
}

absl::StatusOr<Verdict> Verdicts::AmongOthers(std::string_view path, safety::Snapshot& files) {
  Inspection::Outcome outcome = inspection_.InspectAmongOthers(path, files);
  RETURN_IF_ERROR(outcome.status);
  return std::move(outcome.verdict);
}

absl::StatusOr<uint64_t> Verdicts::ForgetGone(absl::FunctionRef<bool(const BlobId& blob)> is_there) {
  uint64_t forgotten = 0;
  metadata::WriteBatch batch;
  absl::Status written;
  const auto write = [&] {
    forgotten += batch.changes().size();
    written = store_.Write(std::exchange(batch, {}), Durability::kProcess);
    return written.ok();
  };
  RETURN_IF_ERROR(store_.Scan(Table::kVerdicts, "", [&](std::string_view key, std::string_view /*value*/) {
    const auto blob = BlobId::Parse(key.substr(0, key.find('/')));
    if (blob.ok() && is_there(*blob)) return true;
    batch.Delete(Table::kVerdicts, std::string(key));
    return batch.changes().size() < kForgottenAtOnce || write();
  }));
  if (written.ok() && !batch.changes().empty()) write();
  RETURN_IF_ERROR(written);
  return forgotten;
}

}  // namespace batuta::guard
