#include "client/output/pull_report.h"

#include <chrono>

#include <fmt/format.h>

#include "client/output/fit_view.h"
#include "client/output/json_writer.h"
#include "client/output/review_view.h"
#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"

namespace batuta::client {
namespace {

std::string Files(uint64_t count) {
  return fmt::format("{} file{}", count, count == 1 ? "" : "s");
}

// While a job runs only its final news count.
bool IsFinal(v1::PullFile::Status status) {
  return status == v1::PullFile::STATUS_DOWNLOADED || status == v1::PullFile::STATUS_CACHED ||
         status == v1::PullFile::STATUS_SKIPPED;
}

}  // namespace

void PullReport::SetSubject(const v1::RepoId& repo, std::string_view revision) {
  repo_ = repo;
  revision_ = revision.empty() ? std::string("main") : std::string(revision);
}

void PullReport::SetTotals(uint64_t bytes_downloaded, uint64_t elapsed_ms) {
  bytes_downloaded_ = bytes_downloaded;
  elapsed_ms_ = elapsed_ms;
}

void PullReport::SetChoice(std::string_view chosen, std::string_view choice) {
  chosen_ = chosen;
  choice_ = choice;
}

void PullReport::SetFit(const v1::Fit& fit, std::string_view cache_type) {
  fit_ = fit;
  cache_type_ = cache_type;
  SetChoice(fit.chosen(), fit.explanation());
}

void PullReport::AddFile(const v1::PullFile& file) {
  if (!file.warning().empty()) {
    warnings_.insert(fmt::format("warning: {}: {}", Printable(file.path()), Printable(file.warning())));
  }
  if (!keep_files_) {
    if (kind_ == Kind::kPlan || IsFinal(file.status())) Tally(file, true);
    return;
  }
  const auto [at, is_new] = index_.try_emplace(file.path(), files_.size());
  if (is_new) {
    files_.push_back(file);
  } else {
    Tally(files_[at->second], false);
    files_[at->second] = file;
  }
  Tally(file, true);
}

void PullReport::Take(const v1::WatchJobResponse& update) {
  for (const v1::PullFile& file : update.files()) AddFile(file);
  if (update.job().has_review()) SetReview(update.job().review());
}

void PullReport::ForgetFiles() {
  files_.clear();
  index_.clear();
  counts_.clear();
  warnings_.clear();
}

void PullReport::Tally(const v1::PullFile& file, bool add) {
  Count& count = counts_[file.status()];
  count.files += add ? 1u : ~uint64_t{0};
  count.bytes += add ? file.size_bytes() : uint64_t{0} - file.size_bytes();
}

PullReport::Count PullReport::Of(v1::PullFile::Status status) const {
  const auto at = counts_.find(status);
  return at == counts_.end() ? Count{} : at->second;
}

std::string PullReport::Json(bool one_line) const {
  JsonWriter json(one_line ? JsonWriter::Style::kOneLine : JsonWriter::Style::kPretty);
  json.BeginObject();
  if (one_line) json.Field("event", "result");
  json.Field("repo", repo_.id()).Field("type", TypeWord(repo_.type())).Field("revision", revision_);
  json.FieldOrNull("commit", commit_).FieldOrNull("path", path_);
  if (!output_folder_.empty()) json.Field("output", output_folder_);
  if (review_) WriteReview(*review_, json.Key("review"));
  if (!chosen_.empty()) json.Field("chosen", chosen_).FieldOrNull("choice", choice_);
  if (fit_) WriteFit(*fit_, json.Key("fit"));
  json.Key("files").BeginArray();
  for (const v1::PullFile& file : files_) {
    json.BeginObject()
        .Field("path", file.path())
        .Field("size_bytes", file.size_bytes())
        .Field("blob", file.blob());
    json.Field("status", FileStatusWord(file.status(), kind_ == Kind::kPlan))
        .FieldOrNull("reason", file.reason());
    if (!file.warning().empty()) json.Field("warning", file.warning());
    json.EndObject();
  }
  json.EndArray().Field("bytes_downloaded", bytes_downloaded_);
  if (kind_ == Kind::kPlan) json.Field("bytes_to_download", Of(v1::PullFile::STATUS_PENDING).bytes);
  if (kind_ == Kind::kPlan) json.FieldOrNull("as_of", as_of_ ? TimeText(true, *as_of_) : std::string());
  json.Field("elapsed_ms", elapsed_ms_).EndObject();
  return json.Take();
}

std::string PullReport::Summary() const {
  const Count downloaded =
      Of(kind_ == Kind::kPlan ? v1::PullFile::STATUS_PENDING : v1::PullFile::STATUS_DOWNLOADED);
  const Count cached = Of(v1::PullFile::STATUS_CACHED);
  const Count skipped = Of(v1::PullFile::STATUS_SKIPPED);
  std::string text = fmt::format("{}, {}", Files(downloaded.files + cached.files),
                                 FormatBytes(downloaded.bytes + cached.bytes));
  const char* separator = "; ";
  if (kind_ == Kind::kPlan) {
    text += fmt::format("; {} to download ({})", downloaded.files, FormatBytes(downloaded.bytes));
    separator = ", ";
  } else if (downloaded.files > 0) {
    text += fmt::format("; {} downloaded ({} in {})", downloaded.files, FormatBytes(bytes_downloaded_),
                        FormatDuration(std::chrono::milliseconds(elapsed_ms_)));
    separator = ", ";
  }
  if (cached.files > 0) text += fmt::format("{}{} already cached", separator, cached.files), separator = ", ";
  if (skipped.files > 0) text += fmt::format("{}{} left out", separator, skipped.files);
  return text;
}

void PullReport::Print(Output& output) const {
  if (output.json()) return output.Data(Json(output.options().events));
  const std::string subject =
      fmt::format("{} {}@{}", TypeWord(repo_.type()), Printable(repo_.id()),
                  Printable(revision_.size() == 40 ? revision_.substr(0, 12) : revision_));
  if (output.human() && kind_ == Kind::kPlan) {
    if (fit_) output.Data(FitText(*fit_, cache_type_, output.table_width()) + "\n");
    PrintPlan(output);
    output.Flush();
    TellReview(output);
    return output.Talk(fmt::format("{}: {}; nothing was downloaded", subject, Summary()));
  }
  for (const std::string& warning : warnings_) output.Talk(warning);
  TellChoice(output);
  output.Talk(fmt::format("{}: {}", subject, Summary()));
  output.DataLine(path_);
}

void PullReport::TellChoice(Output& output) const {
  if (chosen_.empty()) return;
  output.Talk(fmt::format("chosen: {}", Printable(choice_.empty() ? chosen_ : choice_)));
}

void PullReport::TellReview(Output& output) const {
  if (!review_) return;
  const Count pending = Of(v1::PullFile::STATUS_PENDING);
  for (const std::string& line : ReviewLines(*review_, repo_, {pending.files, pending.bytes}))
    output.Talk(line);
}

void PullReport::PrintPlan(Output& output) const {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(files_.size());
  for (const v1::PullFile& file : files_) {
    std::string status(FileStatusWord(file.status(), true));
    if (file.status() == v1::PullFile::STATUS_PENDING) status = "would download";
    rows.push_back({status, FormatBytes(file.size_bytes()), file.path(), file.reason()});
  }
  output.Data(RenderTable(
      {{"STATUS"}, {"SIZE", Align::kRight}, {"FILE", Align::kLeft, true}, {"WHY", Align::kLeft, true}}, rows,
      {.width = output.table_width()}));
}

}  // namespace batuta::client
