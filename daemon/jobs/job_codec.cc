#include "daemon/jobs/job_codec.h"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/status/status.h"
#include "daemon/jobs/fit_codec.h"
#include "daemon/jobs/push_codec.h"

namespace batuta::jobs {

using nlohmann::json;

namespace {

constexpr int kVersion = 1;

constexpr std::array<std::pair<JobState, std::string_view>, 7> kStates{{{JobState::kQueued, "queued"},
                                                                        {JobState::kRunning, "running"},
                                                                        {JobState::kWaiting, "waiting"},
                                                                        {JobState::kPaused, "paused"},
                                                                        {JobState::kDone, "done"},
                                                                        {JobState::kFailed, "failed"},
                                                                        {JobState::kCancelled, "cancelled"}}};

absl::Status Damaged(std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged, fmt::format("job record: {}", what));
}

json EncodeLocked(const std::vector<Entry>& locked) {
  json rows = json::array();
  for (const Entry& entry : locked) rows.push_back({entry.path.text(), entry.size_bytes, entry.blob.hex()});
  return rows;
}

absl::StatusOr<std::vector<Entry>> DecodeLocked(const json& rows) {
  std::vector<Entry> locked;
  for (const json& row : rows) {
    ASSIGN_OR_RETURN(RepoPath path, RepoPath::Parse(row.at(0).get<std::string>()));
    ASSIGN_OR_RETURN(BlobId blob, BlobId::Parse(row.at(2).get<std::string>()));
    locked.push_back({std::move(path), row.at(1).get<uint64_t>(), std::move(blob)});
  }
  return locked;
}

json EncodeRequest(const pull::PullRequest& request) {
  return {{"type", ToString(request.repo.type())},
          {"repo", request.repo.id()},
          {"revision", request.revision.text()},
          {"paths", request.selection.paths},
          {"include", request.selection.include},
          {"exclude", request.selection.exclude},
          {"format", request.selection.format},
          {"quantization", request.selection.quantization},
          {"allow_unsafe", request.selection.allow_unsafe},
          {"allow_malicious", request.selection.allow_malicious},
          {"locked", EncodeLocked(request.selection.locked)},
          {"priority", static_cast<int>(request.priority)},
          {"limit_bytes_per_second", request.limit_bytes_per_second},
          {"offline", request.offline},
          {"refresh", request.refresh},
          {"name_review", static_cast<int>(request.name_review)},
          {"accept_replaced", request.accept_replaced},
          {"fit", EncodeFitWish(request.fit)},
          {"choice", EncodeChoice(request.choice)},
          {"may_wait", request.may_wait}};
}

absl::StatusOr<pull::PullRequest> DecodeRequest(const json& value) {
  ASSIGN_OR_RETURN(const RepoType type, ParseRepoType(value.at("type").get<std::string>()));
  ASSIGN_OR_RETURN(RepoId repo, RepoId::Parse(type, value.at("repo").get<std::string>()));
  ASSIGN_OR_RETURN(Revision revision, Revision::Parse(value.at("revision").get<std::string>()));
  pull::PullRequest request{.repo = std::move(repo), .revision = std::move(revision), .selection = {}};
  request.selection.repo_type = type;
  request.selection.paths = value.at("paths").get<std::vector<std::string>>();
  request.selection.include = value.at("include").get<std::vector<std::string>>();
  request.selection.exclude = value.at("exclude").get<std::vector<std::string>>();
  request.selection.format = value.at("format").get<std::string>();
  request.selection.quantization = value.at("quantization").get<std::string>();
  request.selection.allow_unsafe = value.at("allow_unsafe").get<std::vector<std::string>>();
  request.selection.allow_malicious = value.value("allow_malicious", false);  // older records lack it
  ASSIGN_OR_RETURN(request.selection.locked,
                   DecodeLocked(value.value("locked", json::array())));  // older records lack it
  const int priority = value.at("priority").get<int>();
  if (priority < 0 || priority > static_cast<int>(Priority::kBackground)) return Damaged("unknown priority");
  request.priority = static_cast<Priority>(priority);
  request.limit_bytes_per_second =
      value.value("limit_bytes_per_second", uint64_t{0});  // older records lack it
  request.offline = value.at("offline").get<bool>();
  request.refresh = value.value("refresh", false);        // not in older journals
  const int name_review = value.value("name_review", 0);  // nor this, and the next
  if (name_review < 0 || name_review > static_cast<int>(pull::NameReviewMode::kAccepted))
    return Damaged("unknown name review");
  request.name_review = static_cast<pull::NameReviewMode>(name_review);
  request.accept_replaced = value.value("accept_replaced", false);
  ASSIGN_OR_RETURN(request.fit, DecodeFitWish(value.value("fit", json())));  // nor in older ones
  request.choice = DecodeChoice(value.value("choice", json()));
  request.may_wait = value.at("may_wait").get<bool>();
  return request;
}

json EncodeError(const absl::Status& error) {
  if (error.ok()) return nullptr;
  const ErrorDetails details = DetailsOf(error);
  json facts = json::object();
  for (const auto& [name, value] : details.facts) facts[name] = value;
  return {{"code", static_cast<int>(error.code())},
          {"reason", details.reason},
          {"message", MessageOf(error)},
          {"hint", details.hint},
          {"facts", std::move(facts)}};
}

absl::Status DecodeError(const json& value) {
  if (value.is_null()) return absl::OkStatus();
  Facts facts;
  for (const auto& [name, fact] : value.at("facts").items()) facts.emplace(name, fact.get<std::string>());
  return MakeError(static_cast<absl::StatusCode>(value.at("code").get<int>()),
                   value.at("reason").get<std::string>(), value.at("message").get<std::string>(),
                   value.at("hint").get<std::string>(), std::move(facts));
}

absl::StatusOr<JobState> DecodeState(std::string_view name) {
  for (const auto& [state, text] : kStates) {
    if (text == name) return state;
  }
  return Damaged(fmt::format("unknown state \"{}\"", name));
}

absl::StatusOr<JobRequest> DecodeEither(const json& value) {
  if (value.contains("push")) return DecodePush(value.at("push"));
  return DecodeRequest(value.at("request"));
}

absl::StatusOr<JobRecord> DecodeVersion1(const json& value) {
  ASSIGN_OR_RETURN(JobRequest request, DecodeEither(value));
  ASSIGN_OR_RETURN(const JobState state, DecodeState(value.at("state").get<std::string>()));
  JobRecord job{
      .id = value.at("id").get<std::string>(),
      .owner = {.uid = value.at("uid").get<uint32_t>(), .tool = value.at("tool").get<std::string>()},
      .request_id = value.at("request_id").get<std::string>(),
      .request = std::move(request),
      .had_token = value.at("had_token").get<bool>(),
      .state = state,
      .created = FromUnixMillis(value.at("created_ms").get<int64_t>()),
      .finished = std::nullopt,
      .commit = value.at("commit").get<std::string>(),
      .snapshot_path = value.at("snapshot_path").get<std::string>(),
      .downloaded_bytes = value.at("downloaded_bytes").get<uint64_t>(),
      .elapsed_ms = value.at("elapsed_ms").get<uint64_t>(),
      .error = DecodeError(value.at("error"))};
  job.uploaded_bytes = value.value("uploaded_bytes", uint64_t{0});  // of pushes only, and the next two
  job.url = value.value("url", "");
  job.card = value.value("card", "");
  if (const json& finished = value.at("finished_ms"); !finished.is_null()) {
    job.finished = FromUnixMillis(finished.get<int64_t>());
  }
  return job;
}

}  // namespace

std::string_view ToString(JobState state) {
  for (const auto& [known, text] : kStates) {
    if (known == state) return text;
  }
  return "unknown";
}

std::string EncodeJob(const JobRecord& job) {
  json value{{"v", kVersion},
             {"id", job.id},
             {"uid", job.owner.uid},
             {"tool", job.owner.tool},
             {"request_id", job.request_id},
             {"had_token", job.had_token},
             {"state", ToString(job.state)},
             {"created_ms", ToUnixMillis(job.created)},
             {"finished_ms", job.finished ? json(ToUnixMillis(*job.finished)) : json(nullptr)},
             {"commit", job.commit},
             {"snapshot_path", job.snapshot_path},
             {"downloaded_bytes", job.downloaded_bytes},
             {"elapsed_ms", job.elapsed_ms},
             {"error", EncodeError(job.error)}};
  if (job.is_push()) {
    value["push"] = EncodePush(job.push());
    value["uploaded_bytes"] = job.uploaded_bytes;
    value["url"] = job.url;
    value["card"] = job.card;
  } else {
    value["request"] = EncodeRequest(job.pull());
  }
  // Foreign bytes in a message must not make the record unwritable.
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<JobRecord> DecodeJob(std::string_view text) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return Damaged("not a JSON object");
  try {
    if (value.at("v").get<int>() != kVersion) return Damaged("unknown version");
    return DecodeVersion1(value);
  } catch (const json::exception& error) {  // a missing key or a wrong type
    return Damaged(error.what());
  }
}

}  // namespace batuta::jobs
