#include "tests/hubsim/api/admin_api.h"

#include <optional>
#include <utility>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/fault_json.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

std::int64_t EpochMilliseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

json RequestJson(const LoggedRequest& request) {
  json headers = json::object();
  for (const auto& [name, value] : request.headers) headers[ToLower(name)] = value;
  // What was kept is shown as base64: it may be anything.
  const json body = request.body ? json(Base64Encode(*request.body)) : json(nullptr);
  return {{"number", request.number},
          {"listener", request.listener == Listener::kCdn ? "cdn" : "hub"},
          {"method", request.method},
          {"target", request.target},
          {"path", request.path},
          {"headers", headers},
          {"authorization", request.authorization ? json(*request.authorization) : json(nullptr)},
          {"range", request.range ? json(*request.range) : json(nullptr)},
          {"peer", request.peer},
          {"bucket", request.bucket},
          {"status", request.status},
          {"body_bytes_received", request.body_bytes_received},
          {"body_bytes_sent", request.body_bytes_sent},
          {"body", body},
          {"is_finished", request.is_finished},
          {"is_over", request.is_over},
          {"connection_id", request.connection_id},
          {"start_ms", EpochMilliseconds(request.start_time)},
          {"end_ms", request.is_over ? json(EpochMilliseconds(request.end_time)) : json(nullptr)}};
}

json StatsJson(const Stats& stats) {
  json by_status = json::object();
  for (const auto& [status, count] : stats.by_status) by_status[std::to_string(status)] = count;
  return {{"requests", stats.requests},
          {"by_bucket", stats.by_bucket},
          {"by_status", by_status},
          {"refused_by_bucket", stats.refused_by_bucket},
          {"hub_bytes_sent", stats.hub_bytes_sent},
          {"cdn_bytes_sent", stats.cdn_bytes_sent},
          {"bytes_received", stats.bytes_received},
          {"connections", stats.connections},
          {"leaked_tokens", stats.leaked_tokens}};
}

json WindowJson(const WindowUse& window) {
  const auto count_by_name = [](const std::map<Bucket, int>& counts) {
    json by_name = json::object();
    for (const auto& [bucket, count] : counts) by_name[BucketName(bucket)] = count;
    return by_name;
  };
  return {{"identity", window.identity},
          {"start_ms", EpochMilliseconds(window.start)},
          {"used", count_by_name(window.used)},
          {"refused", count_by_name(window.refused)}};
}

std::optional<FileSource> SourceFrom(const json& value) {
  if (value.is_string()) return FileSource(value.get<std::string>());
  if (!value.is_object()) return std::nullopt;
  if (value.contains("size")) {
    return FileSource(Generated{.size = static_cast<std::uint64_t>(JsonInteger(value, "size")),
                                .seed = static_cast<std::uint64_t>(JsonInteger(value, "seed", 1))});
  }
  if (auto bytes = Base64Decode(JsonString(value, "base64"))) return FileSource(*std::move(bytes));
  return std::nullopt;
}

Response AddFaults(HubSim& sim, const Request& request) {
  const auto rules = ParseFaults(ReadAll(*request.body));
  if (!rules.ok()) return ErrorAnswer(400, "", std::string(rules.status().message()));
  json ids = json::array();
  for (const FaultRule& rule : *rules) ids.push_back(sim.AddFault(rule).id);
  return JsonAnswer({{"added", rules->size()}, {"ids", ids}});
}

// How often the rules harmed a request, by id, and which kinds of fault there are.
Response FaultReport(const HubSim& sim) {
  json hits = json::object();
  for (const auto& [id, count] : sim.fault_hits()) hits[std::to_string(id)] = count;
  return JsonAnswer({{"kinds", FaultKindNames()}, {"hits", hits}});
}

Response AddCommit(HubSim& sim, const Request& request) {
  const json body = JsonBody(request);
  const auto kind = KindFromName(JsonString(body, "kind", "model"));
  if (!kind || !body.is_object()) return ErrorAnswer(400, "", "\"kind\" must be model, dataset or space");
  const RepoRef repo{.kind = *kind, .id = JsonString(body, "repo")};
  if (JsonBool(body, "create")) {
    const auto created = sim.CreateRepo(repo.kind, repo.id);
    if (!created.ok() && !absl::IsAlreadyExists(created.status())) {
      return ErrorAnswer(400, "", std::string(created.status().message()));
    }
  }
  FileSet files;
  if (body.contains("files") && body.at("files").is_object()) {
    for (const auto& [path, value] : body.at("files").items()) {
      auto source = SourceFrom(value);
      if (!source)
        return ErrorAnswer(400, "", "file " + path + ": expected text, {\"base64\"} or {\"size\", \"seed\"}");
      files[path] = *std::move(source);
    }
  }
  CommitOptions options;
  options.title = JsonString(body, "title", options.title);
  options.deleted = JsonStrings(body, "deleted");
  const auto commit = sim.CommitFiles(repo, JsonString(body, "branch", "main"), files, options);
  if (!commit.ok()) return ErrorAnswer(400, "", std::string(commit.status().message()));
  return JsonAnswer({{"commit", *commit}});
}

// Publishes what the scanners found: a level, or all of a securityFileStatus, by path.
Response PublishScan(HubSim& sim, const Request& request) {
  const json body = JsonBody(request);
  const auto kind = KindFromName(JsonString(body, "kind", "model"));
  if (!kind || !body.is_object() || !body.contains("files") || !body.at("files").is_object()) {
    return ErrorAnswer(400, "", R"(expected {"kind", "repo", "files": {path: level}})");
  }
  const RepoRef repo{.kind = *kind, .id = JsonString(body, "repo")};
  const absl::Status edited = sim.EditSettings(repo, [&body](RepoSettings& settings) {
    for (const auto& [path, told] : body.at("files").items()) {
      settings.security_file_status[path] = told.is_string() ? json{{"status", told}}.dump() : told.dump();
    }
  });
  return edited.ok() ? JsonAnswer(json::object()) : ErrorAnswer(400, "", std::string(edited.message()));
}

// What an owner changes on the page of a repo: {"kind", "repo"} and any of "gated", "private", "granted".
Response ChangeSettings(HubSim& sim, const Request& request) {
  const json body = JsonBody(request);
  const auto kind = KindFromName(JsonString(body, "kind", "model"));
  if (!kind || !body.is_object()) return ErrorAnswer(400, "", R"(expected {"kind", "repo", …})");
  const RepoRef repo{.kind = *kind, .id = JsonString(body, "repo")};
  const absl::Status edited = sim.EditSettings(repo, [&body](RepoSettings& settings) {
    if (body.contains("gated")) settings.gated = JsonString(body, "gated");
    if (body.contains("private")) settings.is_private = JsonBool(body, "private");
    if (body.contains("granted")) settings.granted = JsonStrings(body, "granted");
  });
  return edited.ok() ? JsonAnswer(json::object()) : ErrorAnswer(400, "", std::string(edited.message()));
}

}  // namespace

Response AdminAnswer(HubSim& sim, const Request& request) {
  const std::string what = request.segments.size() == 2 ? request.segments[1] : std::string();
  const std::string call = request.method + " " + what;
  if (call == "GET requests") {
    json list = json::array();
    for (const LoggedRequest& logged : sim.requests()) list.push_back(RequestJson(logged));
    return JsonAnswer(list);
  }
  if (call == "DELETE requests") {
    sim.ClearLog();
    return JsonAnswer(json::object());
  }
  if (call == "GET stats") return JsonAnswer(StatsJson(sim.stats()));
  if (call == "GET faults") return FaultReport(sim);
  if (call == "POST faults") return AddFaults(sim, request);
  if (call == "DELETE faults") {
    sim.ClearFaults();
    return JsonAnswer(json::object());
  }
  if (call == "POST commit") return AddCommit(sim, request);
  if (call == "POST scan") return PublishScan(sim, request);
  if (call == "POST settings") return ChangeSettings(sim, request);
  if (call == "GET windows") {
    json list = json::array();
    for (const WindowUse& window : sim.windows()) list.push_back(WindowJson(window));
    return JsonAnswer(list);
  }
  if (call == "POST window") {
    sim.ResetRateLimits();
    return JsonAnswer(json::object());
  }
  return ErrorAnswer(404, "", "no such admin call: " + call);
}

}  // namespace batuta::hubsim
