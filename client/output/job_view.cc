#include "client/output/job_view.h"

#include <fmt/format.h>

#include "client/output/error_report.h"
#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"

namespace batuta::client {
namespace {

std::string ProgressText(const v1::Job& job) {
  const bool is_push = job.kind() == v1::Job::KIND_PUSH;
  if (job.state() == v1::Job::STATE_DONE) {
    return FormatBytes(is_push ? job.uploaded_bytes() : job.downloaded_bytes());
  }
  if (job.total_bytes() == 0) return "";
  return fmt::format("{} of {}", FormatBytes(job.done_bytes()), FormatBytes(job.total_bytes()));
}

std::string DetailText(const v1::Job& job, WallTime now) {
  switch (job.state()) {
    case v1::Job::STATE_RUNNING: {
      std::string text = job.phase();
      if (job.bytes_per_second() > 0) {
        text += text.empty() ? "" : ", ";
        text += FormatRate(static_cast<double>(job.bytes_per_second()));
      }
      if (job.limit_bytes_per_second() > 0) {
        text += fmt::format("{}limit {}", text.empty() ? "" : ", ", LimitText(job.limit_bytes_per_second()));
      }
      return text;
    }
    case v1::Job::STATE_WAITING:
      return WaitingText(job, now);
    case v1::Job::STATE_FAILED:
      return job.error().message();
    default:
      return "";
  }
}

void WriteJobFields(JsonWriter& json, const v1::Job& job) {
  json.Field("id", job.id()).Field("repo", job.repo().id()).Field("type", TypeWord(job.repo().type()));
  json.Field("revision", job.revision())
      .FieldOrNull("commit", job.commit())
      .Field("state", StateWord(job.state()));
  json.FieldOrNull("waiting_reason", job.waiting_reason());
  json.FieldOrNull("waiting_until", TimeText(job.has_waiting_until(), job.waiting_until()));
  json.Field("total_bytes", job.total_bytes()).Field("done_bytes", job.done_bytes());
  json.Field("downloaded_bytes", job.downloaded_bytes()).Field("bytes_per_second", job.bytes_per_second());
  json.Field("files_total", job.files_total())
      .Field("files_done", job.files_done())
      .Field("attempts", job.attempts());
  json.FieldOrNull("created", TimeText(job.has_created(), job.created()));
  json.FieldOrNull("finished", TimeText(job.has_finished(), job.finished()));
  json.Field("elapsed_ms", job.elapsed_ms()).FieldOrNull("path", job.snapshot_path());
  json.FieldOrNull("chosen", job.chosen()).FieldOrNull("choice", job.choice());
  json.Field("priority", PriorityWord(job.priority()));
  json.Field("limit_bytes_per_second", job.limit_bytes_per_second()).FieldOrNull("tool", job.tool());
  json.Key("error");
  if (job.has_error()) {
    const v1::RpcErrorText& error = job.error();
    json.BeginObject().Field("code", CodeWord(static_cast<absl::StatusCode>(error.code())));
    json.Field("reason", error.reason())
        .Field("message", error.message())
        .Field("hint", error.hint())
        .EndObject();
  } else {
    json.Null();
  }
  json.FieldOrNull("last_error", job.last_error()).Field("kind", KindWord(job.kind()));
  if (job.kind() != v1::Job::KIND_PUSH) return;
  json.FieldOrNull("phase", job.phase()).FieldOrNull("local_path", job.local_path());
  json.FieldOrNull("url", job.url()).FieldOrNull("card", job.card());
  json.Field("uploaded_bytes", job.uploaded_bytes());
}

}  // namespace

void WriteJob(JsonWriter& json, const v1::Job& job) {
  json.BeginObject();
  WriteJobFields(json, job);
  json.EndObject();
}

void PrintJobs(Output& output, const std::vector<v1::Job>& jobs, WallTime now) {
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Key("jobs").BeginArray();
    for (const v1::Job& job : jobs) WriteJob(json, job);
    json.EndArray().EndObject();
    return output.Data(json.Take());
  }
  if (output.quiet()) {
    for (const v1::Job& job : jobs) output.DataLine(job.id());
    return;
  }
  if (jobs.empty()) return output.Talk("no jobs");
  std::vector<std::vector<std::string>> rows;
  rows.reserve(jobs.size());
  for (const v1::Job& job : jobs) {
    rows.push_back({job.id(), std::string(KindWord(job.kind())), std::string(StateWord(job.state())),
                    std::string(TypeWord(job.repo().type())), JobName(job),
                    std::string(PriorityWord(job.priority())), ProgressText(job),
                    AgeText(job.has_created(), job.created(), now), DetailText(job, now)});
  }
  output.Data(RenderTable({{"JOB"},
                           {"KIND"},
                           {"STATE"},
                           {"TYPE"},
                           {"REPO", Align::kLeft, true},
                           {"PRIORITY"},
                           {"PROGRESS", Align::kRight},
                           {"CREATED", Align::kRight},
                           {"DETAIL", Align::kLeft, true}},
                          rows, {.width = output.table_width()}));
}

std::string JobEvent(const v1::WatchJobResponse& update) {
  JsonWriter json(JsonWriter::Style::kOneLine);
  json.BeginObject().Field("event", "job").Field("sequence", update.sequence());
  WriteJobFields(json, update.job());
  json.EndObject();
  return json.Take();
}

std::string FileEvent(const v1::PullFile& file) {
  JsonWriter json(JsonWriter::Style::kOneLine);
  json.BeginObject().Field("event", "file").Field("path", file.path()).Field("size_bytes", file.size_bytes());
  json.Field("blob", file.blob()).Field("status", FileStatusWord(file.status(), false));
  json.FieldOrNull("reason", file.reason());
  if (!file.warning().empty()) json.Field("warning", file.warning());
  json.Field("done_bytes", file.done_bytes()).EndObject();
  return json.Take();
}

std::string PushFileEvent(const v1::PushFile& file) {
  JsonWriter json(JsonWriter::Style::kOneLine);
  json.BeginObject().Field("event", "file").Field("path", file.path()).Field("size_bytes", file.size_bytes());
  json.Field("blob", file.blob()).Field("change", ChangeWord(file.change()));
  json.Field("status", PushStatusWord(file.status())).FieldOrNull("reason", file.reason());
  if (!file.warning().empty()) json.Field("warning", file.warning());
  json.Field("done_bytes", file.done_bytes()).EndObject();
  return json.Take();
}

std::string JobName(const v1::Job& job) {
  if (job.revision().empty() || job.revision() == "main") return job.repo().id();
  const bool is_commit = job.revision().size() == 40;
  return fmt::format("{}@{}", job.repo().id(), is_commit ? job.revision().substr(0, 12) : job.revision());
}

}  // namespace batuta::client
