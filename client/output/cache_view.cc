#include "client/output/cache_view.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"

namespace batuta::client {
namespace {

constexpr size_t kShortCommit = 12;

template <typename Texts>
void WriteTexts(JsonWriter& json, std::string_view key, const Texts& texts) {
  json.Key(key).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

const v1::CachedRevision& RevisionOf(const v1::CachedRepo& repo, std::string_view commit) {
  const auto found =
      std::find_if(repo.revisions().begin(), repo.revisions().end(),
                   [commit](const v1::CachedRevision& revision) { return revision.commit() == commit; });
  return found == repo.revisions().end() ? v1::CachedRevision::default_instance() : *found;
}

void WriteSelection(JsonWriter& json, const v1::CachedSelection& selection,
                    const v1::CachedRevision& revision) {
  json.BeginObject().Field("commit", selection.commit());
  WriteTexts(json, "refs", revision.refs());
  json.Field("label", selection.label()).Field("size_bytes", selection.size_bytes());
  json.Field("files", selection.file_count());
  json.FieldOrNull("last_access", TimeText(selection.has_last_access(), selection.last_access()));
  json.FieldOrNull("last_modified", TimeText(revision.has_last_modified(), revision.last_modified()));
  json.Field("pinned", selection.pinned()).FieldOrNull("pin_reason", selection.pin_reason());
  json.Field("in_use", selection.leases() > 0).EndObject();
}

void WriteUnsafe(JsonWriter& json, const google::protobuf::RepeatedPtrField<v1::FileVerdict>& files) {
  json.Key("unsafe").BeginArray();
  for (const v1::FileVerdict& file : files) {
    json.BeginObject()
        .Field("path", file.path())
        .Field("verdict", file.verdict())
        .Field("format", file.format());
    json.Field("pickle", file.pickle()).Field("code", file.code()).Field("reason", file.reason()).EndObject();
  }
  json.EndArray();
}

void WriteRepo(JsonWriter& json, const v1::CachedRepo& repo) {
  json.BeginObject().Field("repo", repo.repo().id()).Field("type", TypeWord(repo.repo().type()));
  json.Field("size_bytes", repo.size_bytes()).Field("files", repo.file_count());
  json.Field("pinned", repo.pinned());
  json.FieldOrNull("last_access", TimeText(repo.has_last_access(), repo.last_access()));
  json.FieldOrNull("last_modified", TimeText(repo.has_last_modified(), repo.last_modified()));
  json.Field("path", repo.path()).Key("selections").BeginArray();
  for (const v1::CachedSelection& selection : repo.selections()) {
    WriteSelection(json, selection, RevisionOf(repo, selection.commit()));
  }
  json.EndArray().Key("protected_by").BeginArray();
  for (const v1::RepoId& dependent : repo.protected_by()) json.String(dependent.id());
  json.EndArray();
  WriteUnsafe(json, repo.unsafe());
  json.EndObject();
}

std::string Joined(std::string text, std::string_view more, std::string_view between = ", ") {
  if (!text.empty()) text += between;
  return text += more;
}

template <typename Refs>
std::string RevisionText(const Refs& refs, const std::string& commit) {
  std::string text;
  for (const std::string& ref : refs) text = Joined(std::move(text), ref);
  return text.empty() ? commit.substr(0, kShortCommit) : text;
}

// `main, v1.0` or the beginning of the commit.
std::string RevisionsText(const v1::CachedRepo& repo) {
  std::string text;
  for (const v1::CachedRevision& revision : repo.revisions()) {
    text = Joined(std::move(text), RevisionText(revision.refs(), revision.commit()));
  }
  return text;
}

// Why eviction leaves it alone: `pinned: demo on Friday; needed by acme/otter-lora`.
std::string ProtectionText(const v1::CachedRepo& repo) {
  std::string text;
  std::string needed_by;
  bool is_in_use = false;
  for (const v1::CachedSelection& selection : repo.selections()) {
    is_in_use = is_in_use || selection.leases() > 0;
    if (selection.pinned() && text.empty() && !selection.pin_reason().empty()) {
      text = "pinned: " + selection.pin_reason();
    }
  }
  if (repo.pinned() && text.empty()) text = "pinned";
  for (const v1::RepoId& dependent : repo.protected_by()) {
    needed_by = Joined(std::move(needed_by), dependent.id());
  }
  if (!needed_by.empty()) text = Joined(std::move(text), "needed by " + needed_by, "; ");
  return is_in_use ? Joined(std::move(text), "in use", "; ") : text;
}

std::string UnsafeLine(const v1::FileVerdict& file) {
  return fmt::format("{} ({}): {}", Printable(file.path()), file.verdict(), Printable(file.reason()));
}

void TellUnsafe(Output& output, const v1::ListReposResponse& response) {
  constexpr int kMostTold = 5;
  int told = 0;
  int left = 0;
  for (const v1::CachedRepo& repo : response.repos()) {
    if (repo.unsafe().empty()) continue;
    if (++told > kMostTold) {
      ++left;
      continue;
    }
    const std::string more =
        repo.unsafe_size() > 1 ? fmt::format(" and {} more", repo.unsafe_size() - 1) : "";
    output.Talk(fmt::format("not safe: {}: {}{}", RepoText(repo.repo()), UnsafeLine(repo.unsafe(0)), more));
  }
  if (left > 0) {
    output.Talk(
        fmt::format("not safe: files of {} more repos; `batuta hf cache ls --format json` names them", left));
  }
}

void WriteConsents(JsonWriter& json, const google::protobuf::RepeatedPtrField<v1::Consent>& consents) {
  json.Key("consents").BeginArray();
  for (const v1::Consent& consent : consents) {
    json.BeginObject()
        .Field("path", consent.path())
        .Field("commit", consent.commit())
        .Field("blob", consent.blob());
    WriteTexts(json, "classes", consent.classes());
    json.Field("uid", uint64_t{consent.uid()}).Field("tool", consent.tool());
    json.FieldOrNull("at", TimeText(consent.has_at(), consent.at())).EndObject();
  }
  json.EndArray();
}

void WriteChoices(JsonWriter& json, const google::protobuf::RepeatedPtrField<v1::SelectionChoice>& choices) {
  json.Key("choices").BeginArray();
  for (const v1::SelectionChoice& choice : choices) {
    json.BeginObject().Field("commit", choice.commit()).Field("label", choice.label());
    json.Field("reason", choice.text()).FieldOrNull("at", TimeText(choice.has_at(), choice.at())).EndObject();
  }
  json.EndArray();
}

void PrintCacheTable(Output& output, const v1::ListReposResponse& response, CacheRows rows, WallTime now) {
  const bool of_selections = rows == CacheRows::kSelections;
  std::vector<TableColumn> columns = {{"TYPE"},
                                      {"REPO", Align::kLeft, true},
                                      {"SIZE", Align::kRight},
                                      {"FILES", Align::kRight},
                                      {"LAST USED", Align::kRight},
                                      {of_selections ? "REVISION" : "REVISIONS", Align::kLeft, true}};
  if (of_selections) columns.push_back({"SELECTION", Align::kLeft, true});
  columns.push_back({"PROTECTED", Align::kLeft, true});
  std::vector<std::vector<std::string>> cells;
  for (const v1::CachedRepo& repo : response.repos()) {
    std::vector<std::string>& row = cells.emplace_back();
    row = {std::string(TypeWord(repo.repo().type())),
           repo.repo().id(),
           FormatBytes(repo.size_bytes()),
           fmt::format("{}", repo.file_count()),
           AgeText(repo.has_last_access(), repo.last_access(), now),
           RevisionsText(repo)};
    if (of_selections) row.push_back(repo.selections_size() > 0 ? repo.selections(0).label() : "");
    row.push_back(ProtectionText(repo));
  }
  if (cells.empty()) return;
  output.Data(RenderTable(columns, cells, {.width = output.table_width()}));
  output.Flush();
  TellUnsafe(output, response);
}

std::string SelectionLine(const v1::RepoId& repo, std::string_view commit, std::string_view label) {
  return fmt::format("{} {} {}", RepoText(repo), Printable(commit), Printable(label));
}

void PrintQuietCache(Output& output, const v1::ListReposResponse& response, CacheRows rows) {
  for (const v1::CachedRepo& repo : response.repos()) {
    if (rows == CacheRows::kRepos) output.DataLine(RepoText(repo.repo()));
    if (rows == CacheRows::kRepos) continue;
    for (const v1::CachedSelection& selection : repo.selections()) {
      output.DataLine(SelectionLine(repo.repo(), selection.commit(), selection.label()));
    }
  }
}

void WriteLine(JsonWriter& json, const v1::EvictionLine& line) {
  json.BeginObject().Field("repo", line.repo().id()).Field("type", TypeWord(line.repo().type()));
  json.Field("commit", line.commit());
  WriteTexts(json, "refs", line.refs());
  json.Field("label", line.label()).Field("size_bytes", line.size_bytes());
  json.Field("freed_bytes", line.freed_bytes());
  json.FieldOrNull("last_access", TimeText(line.has_last_access(), line.last_access()));
  json.Field("goes", line.goes()).Field("why", line.why()).EndObject();
}

using Lines = google::protobuf::RepeatedPtrField<v1::EvictionLine>;

void WriteLines(Output& output, JsonWriter& json, const Lines& lines) {
  json.BeginObject().Key("selections").BeginArray();
  for (const v1::EvictionLine& line : lines) {
    WriteLine(json, line);
    output.Data(json.Take());
  }
  json.EndArray();
}

void PrintQuietLines(Output& output, const Lines& lines) {
  for (const v1::EvictionLine& line : lines) {
    if (line.goes()) output.DataLine(SelectionLine(line.repo(), line.commit(), line.label()));
  }
}

// `goes`: what the first column says of what goes.
void PrintLineTable(Output& output, const Lines& lines, std::string_view goes, WallTime now) {
  std::vector<std::vector<std::string>> cells;
  for (const v1::EvictionLine& line : lines) {
    cells.push_back({std::string(line.goes() ? goes : "stays"), std::string(TypeWord(line.repo().type())),
                     line.repo().id(), RevisionText(line.refs(), line.commit()), line.label(),
                     FormatBytes(line.size_bytes()), line.goes() ? FormatBytes(line.freed_bytes()) : "",
                     AgeText(line.has_last_access(), line.last_access(), now), line.why()});
  }
  if (cells.empty()) return;
  output.Data(RenderTable({{"WHAT"},
                           {"TYPE"},
                           {"REPO", Align::kLeft, true},
                           {"REVISION", Align::kLeft, true},
                           {"SELECTION", Align::kLeft, true},
                           {"SIZE", Align::kRight},
                           {"FREES", Align::kRight},
                           {"LAST USED", Align::kRight},
                           {"WHY", Align::kLeft, true}},
                          cells, {.width = output.table_width()}));
  output.Flush();
}

std::string Counted(uint64_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

// `removed 2 selections and 5 loose files: 3.1 GB freed`
std::string RemovalText(const Removal& removal) {
  const auto count = static_cast<uint64_t>(std::count_if(
      removal.lines.begin(), removal.lines.end(), [](const v1::EvictionLine& line) { return line.goes(); }));
  const uint64_t loose = removal.loose_files.value_or(0);
  std::string what;
  if (count > 0 || loose == 0) what = Counted(count, "selection");
  if (loose > 0) what = Joined(std::move(what), Counted(loose, "loose file"), " and ");
  if (removal.is_dry_run) {
    return fmt::format("would remove {} and free {}; nothing was removed", what,
                       FormatBytes(removal.freed_bytes));
  }
  return fmt::format("removed {}: {} freed", what, FormatBytes(removal.freed_bytes));
}

std::string PercentText(uint64_t part, uint64_t whole) {
  return fmt::format("{:.0f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

std::string RepoText(const v1::RepoId& repo) {
  return fmt::format("{} {}", TypeWord(repo.type()), Printable(repo.id()));
}

void PrintCache(Output& output, const v1::ListReposResponse& response, CacheRows rows, WallTime now) {
  for (const std::string& warning : response.warnings())
    output.Warn("batuta: warning: " + Printable(warning));
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Key("repos").BeginArray();
    for (const v1::CachedRepo& repo : response.repos()) {
      WriteRepo(json, repo);
      output.Data(json.Take());
    }
    json.EndArray().Field("total_bytes", response.total_bytes()).EndObject();
    return output.Data(json.Take());
  }
  if (output.quiet()) return PrintQuietCache(output, response, rows);
  PrintCacheTable(output, response, rows, now);
  const auto count = static_cast<uint64_t>(response.repos_size());
  output.Talk(fmt::format("{}, {} in {}", Counted(count, rows == CacheRows::kRepos ? "repo" : "selection"),
                          FormatBytes(response.total_bytes()), Printable(response.cache_path())));
}

void PrintRemoval(Output& output, const Removal& removal, WallTime now) {
  if (output.json()) {
    JsonWriter json;
    WriteLines(output, json, removal.lines);
    json.Field("freed_bytes", removal.freed_bytes);
    if (removal.loose_files) json.Field("loose_files", *removal.loose_files);
    json.Field("dry_run", removal.is_dry_run).EndObject();
    return output.Data(json.Take());
  }
  if (output.quiet()) return PrintQuietLines(output, removal.lines);
  PrintLineTable(output, removal.lines, removal.is_dry_run ? "would go" : "gone", now);
  output.Talk(RemovalText(removal));
}

void PrintEvictionOrder(Output& output, const v1::ExplainEvictionResponse& order, WallTime now) {
  if (output.json()) {
    JsonWriter json;
    WriteLines(output, json, order.lines());
    WriteUnsafe(json, order.unsafe());
    WriteConsents(json, order.consents());
    WriteChoices(json, order.choices());
    json.EndObject();
    return output.Data(json.Take());
  }
  if (output.quiet()) return PrintQuietLines(output, order.lines());
  PrintLineTable(output, order.lines(), "may go", now);
  for (const v1::FileVerdict& file : order.unsafe()) output.Talk("not safe: " + UnsafeLine(file));
  for (const v1::Consent& consent : order.consents()) {
    const bool is_objected = std::ranges::find(consent.classes(), "hub-scan") != consent.classes().end();
    output.Talk(fmt::format("admitted: {} of {} by user {} ({}) at {}{}", Printable(consent.path()),
                            consent.commit().substr(0, kShortCommit), consent.uid(),
                            Printable(consent.tool()), TimeText(consent.has_at(), consent.at()),
                            is_objected ? ", although the hub's scanners object to it" : ""));
  }
  for (const v1::SelectionChoice& choice : order.choices()) {
    output.Talk(fmt::format("chosen: {} of {}: {} ({})", Printable(choice.label()),
                            Printable(choice.commit().substr(0, kShortCommit)), Printable(choice.text()),
                            AgeText(choice.has_at(), choice.at(), now)));
  }
  if (order.lines().empty()) output.Talk("the cache is empty");
}

void PrintUsage(Output& output, const v1::GetUsageResponse& usage) {
  if (output.quiet()) return output.DataLine(fmt::format("{}", usage.used_bytes()));
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Field("total_bytes", usage.used_bytes()).Field("shared_bytes", usage.shared_bytes());
    json.Field("reclaimable_bytes", usage.reclaimable_bytes()).Field("loose_bytes", usage.loose_bytes());
    json.Field("free_bytes", usage.free_bytes()).Field("disk_bytes", usage.disk_bytes()).Key("max_bytes");
    usage.max_bytes() == 0 ? json.Null() : json.Unsigned(usage.max_bytes());
    json.Field("min_free_bytes", usage.min_free_bytes()).Field("cache_path", usage.cache_path()).EndObject();
    return output.Data(json.Take());
  }
  std::vector<std::vector<std::string>> rows;
  const auto add = [&rows](std::string label, uint64_t bytes, std::string note) {
    rows.push_back({std::move(label), FormatBytes(bytes), std::move(note)});
  };
  add("total", usage.used_bytes(),
      usage.max_bytes() == 0 ? "no quota"
                             : fmt::format("of {} ({})", FormatBytes(usage.max_bytes()),
                                           PercentText(usage.used_bytes(), usage.max_bytes())));
  add("shared", usage.shared_bytes(), "saved: files that several repos have in common");
  add("reclaimable", usage.reclaimable_bytes(), "what an eviction could free at most");
  add("loose", usage.loose_bytes(), "in files that no snapshot leads to");
  add("free", usage.free_bytes(),
      fmt::format("of {} on the disk{}", FormatBytes(usage.disk_bytes()),
                  usage.min_free_bytes() == 0
                      ? ""
                      : fmt::format(", {} of it stay free", FormatBytes(usage.min_free_bytes()))));
  output.Data(RenderTable({{""}, {"", Align::kRight}, {"", Align::kLeft, true}}, rows,
                          {.width = output.table_width(), .with_titles = false}));
  output.Flush();
  output.Talk(Printable(usage.cache_path()));
}

void PrintSurvey(Output& output, const v1::RescanResponse& survey) {
  for (const std::string& warning : survey.warnings()) {
    output.Warn("batuta: warning: " + Printable(warning));
  }
  if (output.quiet()) return output.DataLine(fmt::format("{}", survey.repos()));
  if (!output.json()) {
    return output.DataLine(fmt::format("{}, {}, {}, {}, {}", Counted(survey.repos(), "repo"),
                                       Counted(survey.snapshots(), "snapshot"),
                                       Counted(survey.selections(), "selection"),
                                       Counted(survey.files(), "file"), FormatBytes(survey.size_bytes())));
  }
  JsonWriter json;
  json.BeginObject().Field("repos", survey.repos()).Field("snapshots", survey.snapshots());
  json.Field("selections", survey.selections()).Field("files", survey.files());
  json.Field("total_bytes", survey.size_bytes());
  WriteTexts(json, "warnings", survey.warnings());
  json.EndObject();
  output.Data(json.Take());
}

}  // namespace batuta::client
