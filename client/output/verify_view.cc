#include "client/output/verify_view.h"

#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "client/output/cache_view.h"
#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr size_t kShortCommit = 12;

std::string_view ProblemWord(v1::VerifyFinding::Problem problem) {
  switch (problem) {
    case v1::VerifyFinding::PROBLEM_DAMAGED:
      return "damaged";
    case v1::VerifyFinding::PROBLEM_MISSING:
      return "missing";
    case v1::VerifyFinding::PROBLEM_UNREADABLE:
      return "unreadable";
    case v1::VerifyFinding::PROBLEM_WRONG_SIZE:
      return "wrong_size";
    case v1::VerifyFinding::PROBLEM_INCOMPLETE:
      return "incomplete";
    default:
      return "unknown";
  }
}

bool IsSame(const v1::RepoId& some, const v1::RepoId& other) {
  return some.type() == other.type() && some.id() == other.id();
}

void WriteFinding(JsonWriter& json, const v1::VerifyFinding& finding) {
  json.Field("repo", finding.repo().id()).Field("type", TypeWord(finding.repo().type()));
  json.FieldOrNull("commit", finding.commit()).FieldOrNull("path", finding.path());
  json.FieldOrNull("blob", finding.blob()).Field("problem", ProblemWord(finding.problem()));
  json.Field("size_bytes", finding.size_bytes()).Field("damaged_bytes", finding.damaged_bytes());
  json.Field("detail", finding.detail());
}

void PrintJson(Output& output, const VerifyReport& report) {
  JsonWriter json(output.options().events ? JsonWriter::Style::kOneLine : JsonWriter::Style::kPretty);
  json.BeginObject().Field("checked_files", report.progress.checked_files());
  json.Field("checked_bytes", report.progress.checked_bytes());
  json.Field("unchecked_files", report.progress.unchecked_files());
  json.Key("findings").BeginArray();
  for (const v1::VerifyFinding& finding : report.findings) {
    json.BeginObject();
    WriteFinding(json, finding);
    json.Field("repaired", report.IsRepaired(finding)).EndObject();
  }
  json.EndArray().Key("repairs").BeginArray();
  for (const RepairOutcome& repair : report.repairs) {
    json.BeginObject().Field("job_id", repair.job.id()).Field("repo", repair.job.repo().id());
    json.Field("type", TypeWord(repair.job.repo().type())).Field("commit", repair.job.revision());
    json.Field("state", StateWord(repair.job.state()));
    json.Field("bytes_downloaded", static_cast<uint64_t>(repair.job.downloaded_bytes()));
    json.FieldOrNull("error", repair.error).EndObject();
  }
  json.EndArray().EndObject();
  output.Data(json.Take());
}

std::string SummaryOf(const VerifyReport& report) {
  const uint64_t files = report.progress.checked_files();
  std::string text = fmt::format("checked {} file{}, {}", files, files == 1 ? "" : "s",
                                 FormatBytes(report.progress.checked_bytes()));
  if (report.progress.unchecked_files() > 0) {
    text += fmt::format("; {} whose names are no hash passed over", report.progress.unchecked_files());
  }
  if (report.findings.empty()) return text + (report.is_whole ? ": all right" : ": nothing wrong so far");
  std::map<std::string_view, uint64_t> counts;
  for (const v1::VerifyFinding& finding : report.findings) ++counts[ProblemWord(finding.problem())];
  std::string found;
  for (const auto& [word, count] : counts) {
    found += fmt::format("{}{} {}", found.empty() ? "" : ", ", count,
                         word == "wrong_size" ? "of a wrong size" : word);
  }
  const uint64_t left = report.damaged() + report.unreadable();
  const uint64_t mended = report.findings.size() - std::min<uint64_t>(left, report.findings.size());
  if (mended > 0) found += fmt::format("; {} repaired", mended);
  return fmt::format("{}: {}", text, found);
}

}  // namespace

bool VerifyReport::IsRepaired(const v1::VerifyFinding& finding) const {
  if (!has_repairs || finding.problem() == v1::VerifyFinding::PROBLEM_UNREADABLE) return false;
  if (finding.path().empty()) return true;
  return std::any_of(repairs.begin(), repairs.end(), [&finding](const RepairOutcome& repair) {
    return repair.error.empty() && repair.job.revision() == finding.commit() &&
           IsSame(repair.job.repo(), finding.repo());
  });
}

uint64_t VerifyReport::damaged() const {
  return static_cast<uint64_t>(
      std::count_if(findings.begin(), findings.end(), [this](const v1::VerifyFinding& finding) {
        return finding.problem() != v1::VerifyFinding::PROBLEM_UNREADABLE && !IsRepaired(finding);
      }));
}

uint64_t VerifyReport::unreadable() const {
  return static_cast<uint64_t>(
      std::count_if(findings.begin(), findings.end(), [](const v1::VerifyFinding& finding) {
        return finding.problem() == v1::VerifyFinding::PROBLEM_UNREADABLE;
      }));
}

std::string FindingLine(const v1::VerifyFinding& finding) {
  std::string line = fmt::format("{:<10} {}", ProblemWord(finding.problem()), RepoText(finding.repo()));
  if (!finding.commit().empty()) {
    line +=
        fmt::format(" {} {}", Printable(finding.commit().substr(0, kShortCommit)), Printable(finding.path()));
  } else if (!finding.blob().empty()) {
    line += fmt::format(" blob {}", Printable(finding.blob()));
  }
  if (!finding.detail().empty()) line += fmt::format(": {}", Printable(finding.detail()));
  if (finding.damaged_bytes() > 0) {
    line += fmt::format(" ({} of {} are to be fetched again)", FormatBytes(finding.damaged_bytes()),
                        FormatBytes(finding.size_bytes()));
  }
  return line;
}

std::string ProgressLine(const v1::VerifyResponse& progress) {
  return fmt::format("verified {} of {} files, {} of {}", progress.checked_files(),
                     std::max(progress.checked_files(), progress.total_files()),
                     FormatBytes(progress.checked_bytes()),
                     FormatBytes(std::max(progress.checked_bytes(), progress.total_bytes())));
}

void PrintVerification(Output& output, const VerifyReport& report) {
  if (output.json()) return PrintJson(output, report);
  if (output.human()) return output.DataLine(SummaryOf(report));
  for (const v1::VerifyFinding& finding : report.findings) {
    if (report.IsRepaired(finding)) continue;
    output.DataLine(fmt::format("{} {} {} {}", TypeWord(finding.repo().type()),
                                Printable(finding.repo().id()), Printable(finding.commit()),
                                Printable(finding.path())));
  }
}

void PrintFindingEvent(Output& output, const v1::VerifyFinding& finding) {
  JsonWriter json(JsonWriter::Style::kOneLine);
  json.BeginObject().Key("finding").BeginObject();
  WriteFinding(json, finding);
  json.EndObject().EndObject();
  output.Data(json.Take());
}

}  // namespace batuta::client
