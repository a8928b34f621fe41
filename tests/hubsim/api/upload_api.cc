#include "tests/hubsim/api/upload_api.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/api/discussion_api.h"
#include "tests/hubsim/api/resolve_api.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::size_t kMostPreuploadFiles = 1000;
constexpr std::size_t kSha256Digits = 64;
constexpr std::string_view kLfsType = "application/vnd.git-lfs+json";

// The subset of .gitignore that people write: names, folders, globs, "!" to take back.
class IgnoreRules {
 public:
  explicit IgnoreRules(std::string_view text) {
    for (std::string line : Split(text, '\n')) {
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      if (!line.empty() && !line.starts_with('#')) lines_.push_back(std::move(line));
    }
  }

  bool IsIgnored(const std::string& path) const {
    bool is_ignored = false;
    for (std::string_view pattern : lines_) {
      const bool takes_back = pattern.starts_with('!');
      if (takes_back) pattern.remove_prefix(1);
      if (Matches(pattern, path)) is_ignored = !takes_back;
    }
    return is_ignored;
  }

 private:
  static bool Matches(std::string_view pattern, const std::string& path) {
    const bool is_folder = pattern.ends_with('/');
    if (is_folder) pattern.remove_suffix(1);
    const bool is_anchored = pattern.find('/') != std::string_view::npos;
    if (pattern.starts_with('/')) pattern.remove_prefix(1);
    const std::vector<std::string> pieces = Split(path, '/');
    std::string so_far;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      so_far += (i == 0 ? "" : "/") + pieces[i];
      if (is_folder && i + 1 == pieces.size()) return false;
      if (GlobMatches(pattern, is_anchored ? so_far : pieces[i])) return true;
    }
    return false;
  }

  std::vector<std::string> lines_;
};

std::string TextFileOf(const Tree& tree, std::string_view path) {
  const auto entry = tree.find(path);
  return entry == tree.end() || entry->second.content == nullptr ? std::string()
                                                                 : ReadAll(*entry->second.content);
}

bool IsSha256(std::string_view text) {
  return text.size() == kSha256Digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Response LfsJson(const json& body, int status = 200) {
  Response response = JsonAnswer(body, status);
  response.headers.Set("Content-Type", std::string(kLfsType));
  return response;
}

struct BatchContext {
  const RepoCall& call;
  bool may_split = false;  // the client can do multipart
};

bool IsAbout(const FaultRule& rule, std::string_view what) {
  return rule.value.empty() || GlobMatches(rule.value, what);
}

// Whether a fault of that kind, about this file or object, is due.
bool Claims(const FaultPlan& plan, FaultKind kind, std::string_view what) {
  return !plan.ClaimAll(kind, [what](const FaultRule& rule) { return IsAbout(rule, what); }).empty();
}

json UploadAction(const BatchContext& batch, const std::string& oid, std::uint64_t size) {
  const Site& site = batch.call.site;
  const bool is_expired = batch.call.plan.Claims(FaultKind::kExpired);
  const auto validity = is_expired ? std::chrono::milliseconds(-1) : site.options.signed_url_validity;
  const std::uint64_t chunk = site.options.multipart_chunk_bytes;
  if (!batch.may_split || size <= chunk) {
    return {{"href", site.cdn_endpoint + site.signer.Sign("PUT", "/upload/" + oid, validity)},
            {"header", json::object()}};
  }
  std::uint64_t parts = (size + chunk - 1) / chunk;
  const std::string upload = site.uploads.Begin(oid, parts);
  json header = {{"chunk_size", std::to_string(chunk)}};
  if (Claims(batch.call.plan, FaultKind::kMissingPart, oid)) --parts;
  for (std::uint64_t part = 1; part <= parts; ++part) {
    header[fmt::format("{:05}", part)] =
        site.cdn_endpoint +
        site.signer.Sign("PUT", fmt::format("/upload/{}/{}/{}", oid, upload, part), validity);
  }
  return {{"href",
           site.endpoint +
               site.signer.Sign("POST", fmt::format("/api/complete_multipart/{}/{}", oid, upload), validity)},
          {"header", header}};
}

json UploadObject(const BatchContext& batch, const std::string& oid, std::uint64_t size) {
  const Repo& repo = batch.call.repo;
  json object = {{"oid", oid}, {"size", size}};
  const auto about_this = [&oid](const FaultRule& rule) { return IsAbout(rule, oid); };
  for (const FaultRule& rule : batch.call.plan.ClaimAll(FaultKind::kObjectError, about_this)) {
    object["error"] = {{"code", rule.status}, {"message", rule.body}};
    return object;
  }
  if (repo.lfs_objects.contains(oid) || batch.call.site.uploads.FindObject(oid) != nullptr) return object;
  object["authenticated"] = true;
  object["actions"] = {{"upload", UploadAction(batch, oid, size)},
                       {"verify",
                        {{"href", fmt::format("{}/api/{}/{}/lfs/verify", batch.call.site.endpoint,
                                              KindPlural(repo.kind), repo.id)},
                         {"header", json::object()}}}};
  return object;
}

json DownloadObject(const RepoCall& call, const std::string& oid, std::uint64_t size) {
  json object = {{"oid", oid}, {"size", size}};
  if (!call.repo.lfs_objects.contains(oid)) {
    object["error"] = {{"code", 404}, {"message", "Object does not exist on the server"}};
    return object;
  }
  const std::string path = fmt::format("/lfs/{}/{}/{}", call.repo.object_id, oid, oid);
  const std::string target = call.site.signer.Sign("GET", path, call.site.options.signed_url_validity);
  object["actions"] = {{"download", {{"href", call.site.cdn_endpoint + target}}}};
  return object;
}

json PreuploadEntry(const FaultPlan& plan, const Tree& tree, const json& file, const LfsRule& rule,
                    const IgnoreRules& ignore) {
  const std::string path = JsonString(file, "path");
  const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(JsonInteger(file, "size"), 0));
  const std::string sample = Base64Decode(JsonString(file, "sample")).value_or("");
  const bool is_lfs = rule.WantsLfs(path, size, sample) != Claims(plan, FaultKind::kFlipMode, path);
  json entry = {{"path", path},
                {"uploadMode", is_lfs ? "lfs" : "regular"},
                {"shouldIgnore", ignore.IsIgnored(path) || Claims(plan, FaultKind::kIgnoreFile, path)}};
  const auto existing = tree.find(path);
  if (existing != tree.end() && !existing->second.is_directory) entry["oid"] = existing->second.etag();
  return entry;
}

}  // namespace

Response PreuploadAnswer(const RepoCall& call) {
  const bool opens_pr = QueryFlag(call.request.query, "create_pr");
  if (call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  const std::string revision = SplitRevision(call.rest, 1).revision;
  if (!opens_pr) {
    if (auto refusal = RefuseCommitting(call, revision)) return *std::move(refusal);
  }
  const Commit* commit = call.repo.Resolve(revision);
  if (commit == nullptr) return ErrorAnswer(404, "RevisionNotFound", "Invalid rev id: " + revision);
  const json body = JsonBody(call.request);
  if (!body.is_object() || !body.contains("files") || !body.at("files").is_array()) {
    return ErrorAnswer(400, "", "\"files\" is required");
  }
  if (body.at("files").size() > kMostPreuploadFiles) return ErrorAnswer(400, "", "too many files at once");

  const LfsRule rule(JsonString(body, "gitAttributes", AttributesOf(*commit->tree)),
                     call.site.options.lfs_threshold_bytes);
  const IgnoreRules ignore(JsonString(body, "gitIgnore", TextFileOf(*commit->tree, ".gitignore")));
  json files = json::array();
  for (const json& file : body.at("files")) {
    const std::string path = JsonString(file, "path");
    if (const absl::Status valid = CheckRepoPath(path); !valid.ok()) {
      return ErrorAnswer(422, "", std::string(valid.message()));
    }
    files.push_back(PreuploadEntry(call.plan, *commit->tree, file, rule, ignore));
  }
  return JsonAnswer({{"files", files}});
}

Response LfsBatchAnswer(const RepoCall& call) {
  const json body = JsonBody(call.request);
  if (!body.is_object() || !body.contains("objects") || !body.at("objects").is_array()) {
    return LfsJson({{"message", "\"objects\" is required"}}, 422);
  }
  const bool is_upload = JsonString(body, "operation") == "upload";
  if (is_upload && call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  const std::vector<std::string> transfers = JsonStrings(body, "transfers");
  const BatchContext batch{.call = call,
                           .may_split = std::ranges::find(transfers, "multipart") != transfers.end()};

  bool has_split = false;
  json objects = json::array();
  for (const json& asked : body.at("objects")) {
    const std::string oid = JsonString(asked, "oid");
    const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(JsonInteger(asked, "size"), 0));
    if (!IsSha256(oid)) {
      objects.push_back(
          {{"oid", oid}, {"size", size}, {"error", {{"code", 422}, {"message", "Invalid object id"}}}});
      continue;
    }
    objects.push_back(is_upload ? UploadObject(batch, oid, size) : DownloadObject(call, oid, size));
    has_split = has_split || (batch.may_split && size > call.site.options.multipart_chunk_bytes);
  }
  return LfsJson({{"transfer", has_split ? "multipart" : "basic"}, {"objects", objects}});
}

Response LfsVerifyAnswer(const RepoCall& call) {
  if (call.rest.size() != 2 || call.rest[1] != "verify") return ErrorAnswer(404, "", "no such action");
  if (call.caller.is_anonymous()) return ErrorAnswer(401, "", "Invalid username or password.");
  const json body = JsonBody(call.request);
  const std::string oid = JsonString(body, "oid");
  ContentPtr content = call.site.uploads.FindObject(oid);
  if (const auto stored = call.repo.lfs_objects.find(oid); stored != call.repo.lfs_objects.end()) {
    content = stored->second;
  }
  if (content == nullptr) return LfsJson({{"message", "Object does not exist on the server"}}, 404);
  if (content->size() != static_cast<std::uint64_t>(JsonInteger(body, "size", -1))) {
    return LfsJson({{"message", "Object has another size"}}, 422);
  }
  return LfsJson(json::object());
}

Response CompleteMultipartAnswer(const Site& site, const Request& request) {
  switch (site.signer.Check(request)) {
    case LinkState::kValid:
      break;
    case LinkState::kExpired:
      return ErrorAnswer(403, "", "Request has expired");
    case LinkState::kForged:
      return ErrorAnswer(403, "", "The signature is wrong");
  }
  const json body = JsonBody(request);
  if (request.segments.size() != 4 || !body.is_object() || !body.contains("parts") ||
      !body.at("parts").is_array()) {
    return ErrorAnswer(400, "", "expected {\"oid\", \"parts\"}");
  }
  const std::string& oid = request.segments[2];
  std::map<std::uint64_t, std::string> etags;
  for (const json& part : body.at("parts")) {
    etags[static_cast<std::uint64_t>(JsonInteger(part, "partNumber"))] = JsonString(part, "etag");
  }
  const absl::StatusOr<ContentPtr> content = site.uploads.Join(request.segments[3], etags);
  if (absl::IsNotFound(content.status()))
    return ErrorAnswer(404, "", std::string(content.status().message()));
  if (!content.ok()) return ErrorAnswer(400, "", std::string(content.status().message()));
  const std::string digest = Hex(Sha256Of(**content));
  if (digest != oid) return ErrorAnswer(400, "", "the parts' sha256 is " + digest);
  site.uploads.AddObject(oid, *content);
  site.uploads.End(request.segments[3]);
  return LfsJson({{"success", true}});
}

}  // namespace batuta::hubsim
