#include "client/output/hub_view.h"

#include <vector>

#include <fmt/format.h>

#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"

namespace batuta::client {
namespace {

// 1234567 → `1.2M`: counts, not bytes.
std::string Count(uint64_t value) {
  static constexpr struct {
    uint64_t unit;
    char letter;
  } kUnits[] = {{1'000'000'000, 'B'}, {1'000'000, 'M'}, {1'000, 'k'}};

  for (const auto& [unit, letter] : kUnits) {
    if (value >= unit)
      return fmt::format("{:.1f}{}", static_cast<double>(value) / static_cast<double>(unit), letter);
  }
  return fmt::format("{}", value);
}

void WriteStrings(JsonWriter& json, std::string_view key,
                  const google::protobuf::RepeatedPtrField<std::string>& values) {
  json.Key(key).BeginArray();
  for (const std::string& value : values) json.String(value);
  json.EndArray();
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + Printable(value);
  return text;
}

std::string AccessText(const v1::RepoSummary& repo) {
  std::string text = repo.is_private() ? "private" : "";
  if (!repo.gated().empty()) text += (text.empty() ? "gated: " : ", gated: ") + repo.gated();
  return text;
}

void WriteTimes(JsonWriter& json, const v1::RepoSummary& repo) {
  json.FieldOrNull("created", TimeText(repo.has_created(), repo.created()));
  json.FieldOrNull("last_modified", TimeText(repo.has_last_modified(), repo.last_modified()));
}

void WriteSummary(JsonWriter& json, const v1::RepoSummary& repo) {
  json.BeginObject().Field("repo", repo.repo().id()).Field("type", TypeWord(repo.repo().type()));
  json.Field("downloads", repo.downloads()).Field("likes", repo.likes()).Field("private", repo.is_private());
  json.FieldOrNull("gated", repo.gated())
      .FieldOrNull("task", repo.task())
      .FieldOrNull("library", repo.library());
  WriteStrings(json, "tags", repo.tags());
  WriteTimes(json, repo);
  json.EndObject();
}

void AddLine(Output& output, std::string_view label, std::string_view value) {
  if (!value.empty()) output.DataLine(fmt::format("{:<14}{}", label, Printable(value)));
}

void PrintRepoForPeople(Output& output, const v1::GetRepoResponse& repo, std::string_view revision) {
  const v1::RepoSummary& summary = repo.summary();
  AddLine(output, "repo", fmt::format("{} ({})", summary.repo().id(), TypeWord(summary.repo().type())));
  AddLine(output, "revision", fmt::format("{} → {}", revision, repo.commit()));
  AddLine(output, "author", repo.author());
  AddLine(output, "license", repo.license());
  AddLine(output, "access", repo.disabled() ? "disabled by the hub" : AccessText(summary));
  AddLine(output, "task", summary.task());
  AddLine(output, "library", summary.library());
  AddLine(output, "base models", Joined(repo.base_models()));
  if (repo.parameters() > 0) AddLine(output, "parameters", Count(repo.parameters()));
  AddLine(output, "files", fmt::format("{}", repo.file_count()));
  if (repo.used_storage_bytes() > 0) {
    AddLine(output, "storage", FormatBytes(repo.used_storage_bytes()) + " with its history");
  }
  AddLine(output, "downloads", Count(summary.downloads()) + " in the last 30 days");
  AddLine(output, "likes", Count(summary.likes()));
  AddLine(output, "modified", TimeText(summary.has_last_modified(), summary.last_modified()));
  AddLine(output, "tags", Joined(summary.tags()));
}

}  // namespace

void PrintSearch(Output& output, const v1::SearchResponse& response, WallTime now) {
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Key("repos").BeginArray();
    for (const v1::RepoSummary& repo : response.repos()) WriteSummary(json, repo);
    json.EndArray().FieldOrNull("as_of", TimeText(response.has_as_of(), response.as_of())).EndObject();
    return output.Data(json.Take());
  }
  TellAge(output, response, now);
  if (output.quiet()) {
    for (const v1::RepoSummary& repo : response.repos()) output.DataLine(Printable(repo.repo().id()));
    return;
  }
  if (response.repos().empty()) return output.Talk("nothing found");
  std::vector<std::vector<std::string>> rows;
  for (const v1::RepoSummary& repo : response.repos()) {
    rows.push_back({repo.repo().id(), Count(repo.downloads()), Count(repo.likes()), repo.task(),
                    repo.library(), AgeText(repo.has_last_modified(), repo.last_modified(), now),
                    AccessText(repo)});
  }
  output.Data(RenderTable({{"REPO", Align::kLeft, true},
                           {"DOWNLOADS", Align::kRight},
                           {"LIKES", Align::kRight},
                           {"TASK", Align::kLeft, true},
                           {"LIBRARY", Align::kLeft, true},
                           {"MODIFIED", Align::kRight},
                           {"ACCESS"}},
                          rows, {.width = output.table_width()}));
}

void PrintRepo(Output& output, const v1::GetRepoResponse& repo, std::string_view revision, WallTime now) {
  TellAge(output, repo, now);
  if (output.quiet()) return output.DataLine(repo.commit());
  if (output.human()) return PrintRepoForPeople(output, repo, revision);
  const v1::RepoSummary& summary = repo.summary();
  JsonWriter json;
  json.BeginObject().Field("repo", summary.repo().id()).Field("type", TypeWord(summary.repo().type()));
  json.Field("revision", revision).FieldOrNull("commit", repo.commit()).FieldOrNull("hub_id", repo.hub_id());
  json.FieldOrNull("author", repo.author()).Field("private", summary.is_private());
  json.FieldOrNull("gated", summary.gated()).Field("disabled", repo.disabled());
  json.Field("downloads", summary.downloads()).Field("likes", summary.likes());
  json.FieldOrNull("task", summary.task()).FieldOrNull("library", summary.library());
  json.FieldOrNull("license", repo.license());
  WriteStrings(json, "base_models", repo.base_models());
  WriteStrings(json, "tags", summary.tags());
  json.Field("parameters", repo.parameters()).Field("file_count", repo.file_count());
  json.Field("used_storage_bytes", repo.used_storage_bytes());
  WriteTimes(json, summary);
  json.FieldOrNull("as_of", TimeText(repo.has_as_of(), repo.as_of())).EndObject();
  output.Data(json.Take());
}

FileListing::FileListing(Output& output, const v1::RepoId& repo, std::string_view revision, WallTime now)
    : output_(output), repo_(repo), revision_(revision), now_(now) {}

void FileListing::Begin(std::string_view commit) {
  has_begun_ = true;
  if (!output_.json()) return;
  json_.BeginObject()
      .Field("repo", repo_.id())
      .Field("type", TypeWord(repo_.type()))
      .Field("revision", revision_);
  json_.FieldOrNull("commit", commit).Key("files").BeginArray();
}

void FileListing::Add(const v1::ListFilesResponse& part) {
  if (!has_begun_) Begin(part.commit());
  if (part.has_as_of()) as_of_ = part.as_of();
  for (const v1::Entry& entry : part.entries()) {
    ++files_;
    bytes_ += entry.size_bytes();
    if (output_.json()) {
      json_.BeginObject().Field("path", entry.path()).Field("size_bytes", entry.size_bytes());
      json_.Field("blob", entry.blob()).EndObject();
    } else if (output_.quiet()) {
      output_.DataLine(Printable(entry.path()));
    } else {
      output_.DataLine(fmt::format("{:>9}  {}", FormatBytes(entry.size_bytes()), Printable(entry.path())));
    }
  }
  if (output_.json()) output_.Data(json_.Take());
}

void FileListing::End() {
  if (!has_begun_) Begin("");
  if (output_.json()) {
    json_.EndArray().Field("file_count", files_).Field("total_bytes", bytes_);
    json_.FieldOrNull("as_of", as_of_ ? TimeText(true, *as_of_) : std::string()).EndObject();
    output_.Data(json_.Take());
  }
  output_.Flush();
  if (as_of_) TellAge(output_, *as_of_, now_);
  output_.Talk(fmt::format("{} file{}, {}", files_, files_ == 1 ? "" : "s", FormatBytes(bytes_)));
}

void TellAge(Output& output, const google::protobuf::Timestamp& as_of, WallTime now) {
  output.Talk(fmt::format("as of {}; --refresh asks again", AgeText(true, as_of, now)));
}

void PrintIdentity(Output& output, const v1::WhoAmIResponse& who, const TokenOrigin& origin) {
  if (output.quiet()) return output.DataLine(Printable(who.name()));
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Field("name", who.name()).FieldOrNull("full_name", who.full_name());
    json.FieldOrNull("email", who.email()).Field("kind", who.kind());
    WriteStrings(json, "organizations", who.organizations());
    json.Key("token")
        .BeginObject()
        .FieldOrNull("name", who.token_name())
        .FieldOrNull("role", who.token_role());
    json.Field("source", origin.source).Field("location", origin.location).EndObject();
    json.FieldOrNull("as_of", TimeText(who.has_as_of(), who.as_of())).EndObject();
    return output.Data(json.Take());
  }
  AddLine(output, "name", who.name());
  AddLine(output, "full name", who.full_name());
  AddLine(output, "email", who.email());
  AddLine(output, "kind", who.kind());
  AddLine(output, "member of", Joined(who.organizations()));
  std::string token = who.token_name().empty() ? std::string("unnamed") : who.token_name();
  if (!who.token_role().empty()) token += fmt::format(" ({})", who.token_role());
  AddLine(output, "token", fmt::format("{}, from {}", token, origin.location));
}

}  // namespace batuta::client
