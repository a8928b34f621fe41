#include "client/output/scan_view.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr std::string_view kVerdicts[] = {"safe", "unsafe", "invalid", "unknown"};

void WriteFile(JsonWriter& json, const v1::Inspection& file) {
  const v1::FileVerdict& verdict = file.file();
  json.Field("path", verdict.path()).Field("verdict", verdict.verdict()).Field("format", verdict.format());
  json.FieldOrNull("reason", verdict.reason())
      .Field("pickle", verdict.pickle())
      .FieldOrNull("code", verdict.code());
  json.Key("globals").BeginArray();
  for (const std::string& name : file.globals()) json.String(name);
  json.EndArray().Key("notes").BeginArray();
  for (const std::string& note : file.notes()) json.String(note);
  json.EndArray().Key("findings").BeginArray();
  for (const v1::InspectionFinding& finding : file.findings()) {
    json.BeginObject().Field("code", finding.code()).Field("grade", finding.grade());
    json.FieldOrNull("place", finding.place())
        .Field("offset", finding.offset())
        .Field("text", finding.text())
        .EndObject();
  }
  json.EndArray().Field("findings_left_out", file.findings_left_out());
}

void WriteSecrets(JsonWriter& json, const ScanReport& report) {
  uint64_t allowed = 0;
  uint64_t left_out = 0;
  json.Key("findings").BeginArray();
  for (const v1::Inspection& file : report.files) {
    for (const v1::SecretFinding& secret : file.secrets()) WriteSecret(json, secret);
    allowed += file.secrets_allowed();
    left_out += file.secrets_left_out();
  }
  json.EndArray();
  if (!report.has_secrets) return;
  json.Key("unread").BeginArray();
  for (const v1::Inspection& file : report.files) {
    for (const std::string& part : file.unread()) json.String(part);
  }
  json.EndArray().Field("allowed", allowed).Field("findings_left_out", left_out);
}

std::string SummaryOf(const ScanReport& report) {
  std::string counts;
  for (const std::string_view verdict : kVerdicts) {
    if (!report.has_verdicts) break;
    const uint64_t count = report.Count(verdict);
    if (count > 0) counts += fmt::format("{}{} {}", counts.empty() ? ": " : ", ", count, verdict);
  }
  const uint64_t secrets = report.SecretCount();
  if (secrets > 0) {
    counts += fmt::format("{}{} secret{}", counts.empty() ? ": " : "; ", secrets, secrets == 1 ? "" : "s");
  } else if (!report.has_verdicts) {
    counts = ": no secrets";
  }
  return fmt::format("{} file{}{}", report.files.size(), report.files.size() == 1 ? "" : "s", counts);
}

// A path as SARIF wants it: relative, other bytes than plain ones as %XX.
std::string UriOf(std::string_view path) {
  std::string uri;
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '/' || c == '-' || c == '_' || c == '.' || c == '~';
    uri += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

// What must not be loaded is an error; what is broken or not known may be harmless.
std::string_view LevelOf(std::string_view grade) {
  return grade == "invalid" || grade == "unknown" ? "warning" : "error";
}

struct SarifRule {
  std::string meaning;
  std::string grade;
  uint64_t index = 0;
};

using SarifRules = std::map<std::string, SarifRule>;

// All findings of a file; where it could not be looked into, that.
std::vector<v1::InspectionFinding> FindingsOf(const v1::Inspection& file) {
  std::vector<v1::InspectionFinding> findings(file.findings().begin(), file.findings().end());
  if (findings.empty() && !file.file().code().empty()) {
    v1::InspectionFinding& only = findings.emplace_back();
    only.set_code(file.file().code());
    only.set_meaning("the file could not be looked into");
    only.set_grade(file.file().verdict());
    only.set_text(file.file().reason());
  }
  return findings;
}

// A value of which only its name says that it is a secret is a warning.
std::string LevelGradeOf(const v1::SecretFinding& secret) {
  return secret.tier() == "possible" ? "unknown" : "secret";
}

SarifRules RulesOf(const ScanReport& report) {
  SarifRules rules;
  for (const v1::Inspection& file : report.files) {
    for (const v1::InspectionFinding& finding : FindingsOf(file)) {
      rules[finding.code()] = {.meaning = finding.meaning(), .grade = finding.grade(), .index = 0};
    }
    for (const v1::SecretFinding& secret : file.secrets()) {
      rules[secret.kind()] = {.meaning = secret.description(), .grade = LevelGradeOf(secret), .index = 0};
    }
  }
  uint64_t index = 0;
  for (auto& [code, rule] : rules) rule.index = index++;
  return rules;
}

void WriteRules(JsonWriter& json, const SarifRules& rules) {
  json.Key("rules").BeginArray();
  for (const auto& [code, rule] : rules) {
    json.BeginObject().Field("id", code);
    json.Key("shortDescription")
        .BeginObject()
        .Field("text", rule.meaning.empty() ? code : rule.meaning)
        .EndObject();
    json.Key("defaultConfiguration").BeginObject().Field("level", LevelOf(rule.grade)).EndObject();
    json.Key("properties").BeginObject().Field("grade", rule.grade).EndObject().EndObject();
  }
  json.EndArray();
}

void WriteResult(JsonWriter& json, std::string_view path, const v1::InspectionFinding& finding,
                 uint64_t rule) {
  std::string text = finding.text();
  if (!finding.place().empty()) text = fmt::format("{}: {}", finding.place(), text);
  json.BeginObject()
      .Field("ruleId", finding.code())
      .Field("ruleIndex", rule)
      .Field("level", LevelOf(finding.grade()));
  json.Key("message").BeginObject().Field("text", text).EndObject();
  json.Key("locations").BeginArray().BeginObject().Key("physicalLocation").BeginObject();
  json.Key("artifactLocation").BeginObject().Field("uri", UriOf(path)).EndObject();
  json.Key("region").BeginObject().Field("startLine", uint64_t{1});
  // Offsets inside of members are none of the file.
  if (finding.place().empty()) json.Field("byteOffset", finding.offset());
  json.EndObject().EndObject().EndObject().EndArray().EndObject();
}

void WriteSecretResult(JsonWriter& json, const v1::SecretFinding& secret, std::string_view file,
                       uint64_t rule) {
  std::string text = secret.description();
  if (!secret.excerpt().empty()) text += fmt::format(": {}", secret.excerpt());
  const bool is_inside = secret.path() != file;
  if (is_inside) text += fmt::format(" (in {}, line {})", secret.path(), secret.line());
  json.BeginObject()
      .Field("ruleId", secret.kind())
      .Field("ruleIndex", rule)
      .Field("level", LevelOf(LevelGradeOf(secret)));
  json.Key("message").BeginObject().Field("text", text).EndObject();
  json.Key("locations").BeginArray().BeginObject().Key("physicalLocation").BeginObject();
  json.Key("artifactLocation").BeginObject().Field("uri", UriOf(file)).EndObject();
  json.Key("region").BeginObject().Field("startLine", is_inside ? uint64_t{1} : uint64_t{secret.line()});
  if (!is_inside) json.Field("startColumn", uint64_t{secret.column()});
  json.EndObject().EndObject().EndObject().EndArray();
  json.Key("partialFingerprints")
      .BeginObject()
      .Field("batuta/v1", secret.fingerprint())
      .EndObject()
      .EndObject();
}

}  // namespace

void WriteSecret(JsonWriter& json, const v1::SecretFinding& secret) {
  json.BeginObject()
      .Field("path", secret.path())
      .Field("line", uint64_t{secret.line()})
      .Field("column", uint64_t{secret.column()})
      .Field("kind", secret.kind())
      .Field("fingerprint", secret.fingerprint())
      .Field("description", secret.description())
      .Field("tier", secret.tier());
  json.FieldOrNull("excerpt", secret.excerpt()).EndObject();
}

uint64_t ScanReport::SecretCount() const {
  uint64_t count = 0;
  for (const v1::Inspection& file : files) {
    count += static_cast<uint64_t>(file.secrets_size()) + file.secrets_left_out();
  }
  return count;
}

uint64_t ScanReport::Count(std::string_view verdict) const {
  return static_cast<uint64_t>(std::ranges::count_if(
      files, [verdict](const v1::Inspection& file) { return file.file().verdict() == verdict; }));
}

std::string ScanLine(const v1::Inspection& file) {
  const v1::FileVerdict& verdict = file.file();
  std::string line = fmt::format("{:<8} {}  ({})", verdict.verdict(), Printable(verdict.path()),
                                 Printable(verdict.format()));
  if (!verdict.reason().empty()) line += fmt::format(": {}", Printable(verdict.reason()));
  const size_t more = static_cast<size_t>(file.findings_size()) + file.findings_left_out();
  if (more > 1) line += fmt::format(" (and {} more)", more - 1);
  for (const std::string& note : file.notes()) line += fmt::format("\n         note: {}", Printable(note));
  return line;
}

std::string SecretLine(const v1::SecretFinding& secret) {
  std::string line = fmt::format("secret   {}:{}:{}  {}: {}", Printable(secret.path()), secret.line(),
                                 secret.column(), secret.kind(), secret.description());
  if (!secret.excerpt().empty()) line += fmt::format(", {}", Printable(secret.excerpt()));
  return line;
}

void PrintScan(Output& output, const ScanReport& report) {
  if (output.human()) return output.DataLine(SummaryOf(report));
  if (output.quiet()) {
    for (const v1::Inspection& file : report.files) {
      if (file.file().verdict() != "safe" && !file.file().verdict().empty()) {
        output.DataLine(fmt::format("{} {}", file.file().verdict(), Printable(file.file().path())));
      }
      for (const v1::SecretFinding& secret : file.secrets()) {
        output.DataLine(
            fmt::format("secret {}:{} {}", Printable(secret.path()), secret.line(), secret.kind()));
      }
    }
    return;
  }
  JsonWriter json(output.options().events ? JsonWriter::Style::kOneLine : JsonWriter::Style::kPretty);
  json.BeginObject().Key("files").BeginArray();
  for (const v1::Inspection& file : report.files) {
    if (!report.has_verdicts) break;
    json.BeginObject();
    WriteFile(json, file);
    json.EndObject();
    output.Data(json.Take());
  }
  json.EndArray();
  WriteSecrets(json, report);
  json.EndObject();
  output.Data(json.Take());
}

void PrintScanEvent(Output& output, const v1::Inspection& file) {
  JsonWriter json(JsonWriter::Style::kOneLine);
  json.BeginObject().Key("file").BeginObject();
  WriteFile(json, file);
  json.EndObject().EndObject();
  output.Data(json.Take());
  for (const v1::SecretFinding& secret : file.secrets()) {
    JsonWriter line(JsonWriter::Style::kOneLine);
    line.BeginObject().Key("finding");
    WriteSecret(line, secret);
    line.EndObject();
    output.Data(line.Take());
  }
}

std::string SarifText(const ScanReport& report, std::string_view version) {
  const SarifRules rules = RulesOf(report);
  JsonWriter json;
  json.BeginObject()
      .Field("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
      .Field("version", "2.1.0");
  json.Key("runs").BeginArray().BeginObject();
  json.Key("tool").BeginObject().Key("driver").BeginObject();
  json.Field("name", "batuta").Field("version", version);
  WriteRules(json, rules);
  json.EndObject().EndObject().Key("results").BeginArray();
  for (const v1::Inspection& file : report.files) {
    for (const v1::InspectionFinding& finding : FindingsOf(file)) {
      WriteResult(json, file.file().path(), finding, rules.at(finding.code()).index);
    }
    for (const v1::SecretFinding& secret : file.secrets()) {
      WriteSecretResult(json, secret, file.file().path(), rules.at(secret.kind()).index);
    }
  }
  json.EndArray().EndObject().EndArray().EndObject();
  return json.Take();
}

}  // namespace batuta::client
