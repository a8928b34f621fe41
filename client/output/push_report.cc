#include "client/output/push_report.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include <fmt/format.h>

#include "client/output/json_writer.h"
#include "client/output/scan_view.h"
#include "client/output/wire_text.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

bool IsSent(const v1::PushFile& file) {
  return file.change() == v1::PushFile::CHANGE_ADDED || file.change() == v1::PushFile::CHANGE_MODIFIED;
}

bool IsOfInterest(const v1::PushFile& file) {
  return IsSent(file) || file.change() == v1::PushFile::CHANGE_DELETED;
}

template <typename Accept>
void WritePaths(JsonWriter& json, std::string_view key, const std::vector<v1::PushFile>& files,
                Accept accept) {
  json.Key(key).BeginArray();
  for (const v1::PushFile& file : files) {
    if (accept(file)) json.String(file.path());
  }
  json.EndArray();
}

void WriteFile(JsonWriter& json, const v1::PushFile& file, bool has_run) {
  json.BeginObject().Field("path", file.path()).Field("change", ChangeWord(file.change()));
  json.Field("size_bytes", file.size_bytes()).FieldOrNull("blob", file.blob()).Field("lfs", file.is_lfs());
  json.FieldOrNull("status", has_run ? PushStatusWord(file.status()) : std::string_view());
  json.FieldOrNull("copy_of", file.copy_of()).FieldOrNull("warning", file.warning()).EndObject();
}

template <typename Texts>
void WriteTexts(JsonWriter& json, std::string_view key, const Texts& texts) {
  json.Key(key).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

}  // namespace

void PushReport::SetSpec(const v1::PushSpec& spec) {
  spec_ = spec;
  if (spec_.revision().empty()) spec_.set_revision("main");
}

void PushReport::AddFile(const v1::PushFile& file) {
  const auto known = index_.find(file.path());
  if (known == index_.end()) {
    const bool is_kept = keep_all_ || IsOfInterest(file);
    if (!is_kept && !passed_.insert(std::hash<std::string>()(file.path())).second) return;
    Tally(file, true);
    if (!is_kept) return;
    index_.emplace(file.path(), files_.size());
    files_.push_back(file);
    return;
  }
  v1::PushFile& before = files_[known->second];
  const v1::PushFile::Change change = before.change();
  const bool was_to_change = IsOfInterest(before);
  Tally(before, false);
  before = file;
  // A daemon that was started again finds what this push has committed already, and nothing to change in it.
  if (was_to_change && file.change() == v1::PushFile::CHANGE_UNCHANGED) {
    before.set_change(change);
    before.set_status(v1::PushFile::STATUS_COMMITTED);
  }
  Tally(before, true);
}

void PushReport::Tally(const v1::PushFile& file, bool add) {
  Count& count = counts_[file.change()];
  count.files += add ? 1u : ~uint64_t{0};
  count.bytes += add ? file.size_bytes() : uint64_t{0} - file.size_bytes();
}

void PushReport::Take(const v1::WatchJobResponse& update) {
  for (const v1::PushFile& file : update.push_files()) AddFile(file);
}

void PushReport::SetUnchanged(std::string_view commit, std::string_view url) {
  commit_ = commit;
  url_ = url;
  has_run_ = true;
}

void PushReport::SetJob(const v1::Job& job) {
  *spec_.mutable_repo() = job.repo();
  spec_.set_revision(job.revision().empty() ? "main" : job.revision());
  if (!job.local_path().empty()) spec_.set_path(job.local_path());
  commit_ = job.commit();
  url_ = job.url();
  card_ = job.card();
  bytes_uploaded_ = job.uploaded_bytes();
  has_run_ = true;
}

PushReport::Count PushReport::Of(v1::PushFile::Change change) const {
  return counts_[change];
}

bool PushReport::changes_nothing() const {
  return plan_.commits() == 0 && Of(v1::PushFile::CHANGE_ADDED).files == 0 &&
         Of(v1::PushFile::CHANGE_MODIFIED).files == 0 && Of(v1::PushFile::CHANGE_DELETED).files == 0;
}

std::string PushReport::Subject() const {
  return fmt::format("{} {}@{}", TypeWord(spec_.repo().type()), Printable(spec_.repo().id()),
                     Printable(spec_.revision()));
}

std::string PushReport::Json(bool one_line) const {
  JsonWriter json(one_line ? JsonWriter::Style::kOneLine : JsonWriter::Style::kPretty);
  json.BeginObject();
  if (one_line) json.Field("event", "result");
  json.Field("repo", spec_.repo().id()).Field("type", TypeWord(spec_.repo().type()));
  json.Field("revision", spec_.revision()).FieldOrNull("commit", commit_).FieldOrNull("url", url_);
  WritePaths(json, "changed", files_, IsSent);
  WritePaths(json, "unchanged", files_,
             [](const v1::PushFile& file) { return file.change() == v1::PushFile::CHANGE_UNCHANGED; });
  WritePaths(json, "deleted", files_,
             [](const v1::PushFile& file) { return file.change() == v1::PushFile::CHANGE_DELETED; });
  const std::string& card = card_.empty() ? plan_.card() : card_;
  json.Field("card", card.empty() ? "none" : card).Field("bytes_uploaded", bytes_uploaded_);
  json.Key("findings").BeginArray();
  for (const v1::SecretFinding& finding : plan_.findings()) WriteSecret(json, finding);
  json.EndArray().Field("findings_allowed", plan_.findings_allowed());
  json.Key("refusals").BeginArray();
  for (const v1::PushRefusal& refusal : plan_.refusals()) {
    json.BeginObject().FieldOrNull("path", refusal.path()).Field("reason", refusal.reason());
    json.Field("text", refusal.text()).EndObject();
  }
  json.EndArray();
  WriteTexts(json, "warnings", plan_.warnings());
  json.FieldOrNull("head", plan_.head()).Field("creates_repo", plan_.creates_repo());
  json.Field("creates_branch", plan_.creates_branch()).Field("private", plan_.is_private());
  json.FieldOrNull("license", plan_.license()).FieldOrNull("card_diff", plan_.card_diff());
  WriteTexts(json, "card_sources", plan_.card_sources());
  json.Key("ignored").BeginArray();
  for (const v1::PushFile& file : files_) {
    if (file.change() != v1::PushFile::CHANGE_IGNORED) continue;
    json.BeginObject().Field("path", file.path()).FieldOrNull("reason", file.reason()).EndObject();
  }
  json.EndArray().Key("files").BeginArray();
  for (const v1::PushFile& file : files_) {
    if (IsOfInterest(file)) WriteFile(json, file, has_run_);
  }
  json.EndArray().Field("bytes_to_send", plan_.bytes_to_send()).Field("commits", plan_.commits());
  json.Field("elapsed_ms", elapsed_ms_).EndObject();
  return json.Take();
}

std::string PushReport::Changes() const {
  std::string text;
  for (const v1::PushFile::Change change :
       {v1::PushFile::CHANGE_ADDED, v1::PushFile::CHANGE_MODIFIED, v1::PushFile::CHANGE_DELETED,
        v1::PushFile::CHANGE_UNCHANGED, v1::PushFile::CHANGE_IGNORED}) {
    Count count = Of(change);
    if (change == v1::PushFile::CHANGE_UNCHANGED)
      count.files = std::max<uint64_t>(count.files, plan_.unchanged());
    if (count.files == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count.files, ChangeWord(change));
    const bool is_sent = change == v1::PushFile::CHANGE_ADDED || change == v1::PushFile::CHANGE_MODIFIED;
    if (is_sent) text += fmt::format(" ({})", FormatBytes(count.bytes));
  }
  return text.empty() ? "no files" : text;
}

std::string PushReport::NothingToDo() const {
  const bool has_files = plan_.unchanged() > 0 || Of(v1::PushFile::CHANGE_UNCHANGED).files > 0;
  return fmt::format("nothing to do, {}: {}",
                     has_files ? "everything is there already" : "there is no file to push", Changes());
}

void PushReport::Print(Output& output) const {
  if (output.json()) return output.Data(Json(output.options().events));
  if (output.quiet()) {
    if (!commit_.empty()) output.DataLine(commit_);
    return;
  }
  if (changes_nothing()) {
    output.Talk(fmt::format("{}: {}", Subject(), NothingToDo()));
  } else {
    output.Talk(fmt::format("{}: {}; {} sent in {}", Subject(), Changes(), FormatBytes(bytes_uploaded_),
                            FormatDuration(std::chrono::milliseconds(elapsed_ms_))));
  }
  if (!commit_.empty()) output.DataLine(url_.empty() ? commit_ : url_);
}

}  // namespace batuta::client
