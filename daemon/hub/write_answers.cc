#include "daemon/hub/write_answers.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/url.h"
#include "common/text/utf8.h"
#include "daemon/hub/json_reader.h"
#include "daemon/hub/wire_time.h"
#include "daemon/transport/header_fields.h"

namespace batuta::hub {

using nlohmann::json;

namespace {

constexpr std::string_view kPublicHub = "https://huggingface.co";
constexpr size_t kMostWarnings = 100;
constexpr size_t kMostWords = 500;  // bytes of one of the hub's sentences
constexpr size_t kMostTitleBytes = 4'096;
constexpr size_t kMostPullRequestTitleBytes = 200;
constexpr size_t kMostParts = 100'000;  // 500 GB in parts of 5 MB
constexpr size_t kMostHeaders = 32;     // of a link
constexpr size_t kMostUrlBytes = 8'192;
constexpr size_t kMostBatchValues = 500'000;  // an answer has no room for more links than that
constexpr std::string_view kPartBytes = "chunk_size";

absl::Status Nonsense(std::string_view what) {
  return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol,
                   fmt::format("the hub's answer {}", what));
}

// A URL to which bytes of ours may go, or that a person may be shown. What came over https does not lead to
// http.
bool IsGoodUrl(std::string_view endpoint, std::string_view url) {
  if (url.size() > kMostUrlBytes) return false;
  const absl::StatusOr<UrlParts> parts = SplitUrl(url);
  return parts.ok() && (parts->scheme == "https" || !endpoint.starts_with("https:"));
}

// The frame of a request is ours, whatever a link says.
bool IsOfTheFrame(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNames = {
      "Accept-Encoding", "Connection", "Content-Length",    "Expect",  "Host",
      "Keep-Alive",      "TE",         "Transfer-Encoding", "Trailer", "Upgrade"};
  return std::ranges::any_of(
      kNames, [name](std::string_view known) { return transport::EqualsIgnoreCase(known, name); });
}

void AddHeader(const std::string& name, const json& value, LfsLink* link) {
  if (value.is_string() && link->headers.size() < kMostHeaders && !IsOfTheFrame(name))
    link->headers.push_back({name, value.get<std::string>()});
}

std::string Text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A line that people wrote, and that is printed.
std::string Words(std::string text, size_t limit = kMostWords) {
  if (text.size() > limit) {
    text.resize(limit);
    text.resize(ValidUtf8Bytes(text));
  }
  return text;
}

std::string KeyOfPart(std::string_view name) {
  const size_t digit = name.find_first_not_of('0');
  return std::string(digit == std::string_view::npos ? "0" : name.substr(digit));
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

absl::StatusOr<LfsLink> ReadLink(const json& action, std::string_view endpoint) {
  LfsLink link{.url = StringMember(action, "href")};
  if (!IsGoodUrl(endpoint, link.url)) return Nonsense("names a place for an upload that is no usable URL");
  if (link.url.starts_with(kPublicHub) && endpoint != kPublicHub &&
      (link.url.size() == kPublicHub.size() || link.url[kPublicHub.size()] == '/')) {
    link.url = std::string(endpoint) + link.url.substr(kPublicHub.size());
  }
  return link;
}

// The headers of an upload: those that say how it is cut, and those that are to be sent.
absl::Status ReadHeaders(const json& headers, std::string_view endpoint, LfsUpload* upload) {
  if (!headers.is_object()) return absl::OkStatus();
  std::map<uint64_t, std::string> parts;
  for (const auto& [name, value] : headers.items()) {
    if (name == kPartBytes) {
      const std::optional<uint64_t> bytes =
          value.is_string() ? ParseDecimal(value.get<std::string>()) : UnsignedMember(headers, kPartBytes);
      if (!bytes || *bytes == 0) return Nonsense("cuts an upload into parts of no size");
      upload->part_bytes = *bytes;
    } else if (IsNumber(name)) {
      const std::optional<uint64_t> number = ParseDecimal(KeyOfPart(name));
      std::string url = value.is_string() ? value.get<std::string>() : "";
      if (!number || parts.size() >= kMostParts || !IsGoodUrl(endpoint, url) ||
          !parts.emplace(*number, std::move(url)).second)
        return Nonsense("names parts of an upload that make no sense");
    } else {
      AddHeader(name, value, &upload->upload);
    }
  }
  if (upload->part_bytes == 0) return absl::OkStatus();
  const uint64_t size = upload->object.size_bytes;
  const uint64_t count = size / upload->part_bytes + (size % upload->part_bytes != 0 ? 1 : 0);
  const bool is_complete =
      count > 0 && parts.size() == count && parts.begin()->first == 1 && parts.rbegin()->first == count;
  if (!is_complete) return Nonsense("names other parts of an upload than the object has");
  for (auto& [number, url] : parts) upload->part_urls.push_back(std::move(url));
  return absl::OkStatus();
}

absl::Status ReadActions(const json& actions, std::string_view endpoint, LfsUpload* upload) {
  const json& place = Member(actions, "upload");
  if (place.is_null() && (actions.is_null() || actions.is_object())) {
    upload->is_stored = true;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(upload->upload, ReadLink(place, endpoint));
  RETURN_IF_ERROR(ReadHeaders(Member(place, "header"), endpoint, upload));
  if (const json& verify = Member(actions, "verify"); !verify.is_null()) {
    ASSIGN_OR_RETURN(LfsLink link, ReadLink(verify, endpoint));
    if (const json& headers = Member(verify, "header"); headers.is_object()) {
      for (const auto& [name, value] : headers.items()) AddHeader(name, value, &link);
    }
    upload->verify = std::move(link);
  }
  return absl::OkStatus();
}

std::string_view TypeName(RepoType type) {
  return ToString(type);
}

}  // namespace

std::string EncodeNewRepo(const NewRepo& repo) {
  json body{{"name", repo.repo.name()},
            {"type", TypeName(repo.repo.type())},
            {"visibility", repo.is_private ? "private" : "public"},
            {"private", repo.is_private}};
  if (!repo.repo.repo_namespace().empty()) body["organization"] = repo.repo.repo_namespace();
  if (repo.repo.type() == RepoType::kSpace) body["sdk"] = repo.space_sdk.empty() ? "static" : repo.space_sdk;
  return Text(body);
}

std::string EncodeCard(RepoType type, const std::string& text) {
  return Text({{"content", text}, {"repoType", TypeName(type)}});
}

std::string EncodePreupload(const std::vector<PreuploadFile>& files, const std::string& git_ignore) {
  json list = json::array();
  for (const PreuploadFile& file : files) {
    list.push_back(
        {{"path", file.path.text()}, {"size", file.size_bytes}, {"sample", absl::Base64Escape(file.sample)}});
  }
  json body{{"files", std::move(list)}};
  if (!git_ignore.empty()) body["gitIgnore"] = git_ignore;
  return Text(body);
}

std::string EncodeBatch(const std::optional<Revision>& branch, const std::vector<LfsObject>& objects) {
  json list = json::array();
  for (const LfsObject& object : objects)
    list.push_back({{"oid", object.sha256.hex()}, {"size", object.size_bytes}});
  json body{{"operation", "upload"},
            {"transfers", {"basic", "multipart"}},
            {"hash_algo", "sha256"},
            {"objects", std::move(list)}};
  if (branch) body["ref"] = {{"name", branch->text()}};
  return Text(body);
}

std::string EncodeCompletion(const LfsObject& object, const std::vector<StoredPart>& parts) {
  json list = json::array();
  for (const StoredPart& part : parts) list.push_back({{"partNumber", part.number}, {"etag", part.etag}});
  return Text({{"oid", object.sha256.hex()}, {"parts", std::move(list)}});
}

std::string EncodeVerify(const LfsObject& object) {
  return Text({{"oid", object.sha256.hex()}, {"size", object.size_bytes}});
}

std::string EncodePullRequest(const std::string& title, const std::string& description) {
  const std::string short_title = Words(title, kMostPullRequestTitleBytes);
  const std::string rest = short_title == title ? description : fmt::format("{}\n\n{}", title, description);
  return Text({{"title", short_title}, {"description", rest}, {"pullRequest", true}});
}

absl::StatusOr<CreatedRepo> DecodeCreatedRepo(std::string_view endpoint, std::string_view text) {
  ASSIGN_OR_RETURN(const json object, ReadObject(text, {}));
  std::string url = StringMember(object, "url");
  if (!IsGoodUrl(endpoint, url)) url.clear();
  return CreatedRepo{.url = std::move(url)};
}

absl::StatusOr<CardCheck> DecodeCardCheck(std::string_view text) {
  ASSIGN_OR_RETURN(const json object, ReadObject(text, {}));
  CardCheck check;
  for (const auto& [name, place] :
       {std::pair("errors", &check.errors), std::pair("warnings", &check.warnings)}) {
    const json& list = Member(object, name);
    if (!list.is_array()) continue;
    for (const json& one : list) {
      std::string message = one.is_string() ? one.get<std::string>() : StringMember(one, "message");
      if (!message.empty() && place->size() < kMostWarnings) place->push_back(Words(std::move(message)));
    }
  }
  return check;
}

absl::StatusOr<std::vector<PreuploadAnswer>> DecodePreupload(const std::vector<PreuploadFile>& files,
                                                             std::string_view text) {
  ASSIGN_OR_RETURN(const json object, ReadObject(text, {}));
  const json& list = Member(object, "files");
  if (!list.is_array()) return Nonsense("does not say how files are to be sent");
  std::map<std::string, const json*> by_path;
  for (const json& one : list) by_path.emplace(StringMember(one, "path"), &one);
  std::vector<PreuploadAnswer> answers;
  answers.reserve(files.size());
  for (const PreuploadFile& file : files) {
    const auto found = by_path.find(file.path.text());
    if (found == by_path.end()) return Nonsense(fmt::format("says nothing of {}", Quoted(file.path.text())));
    const std::string mode = StringMember(*found->second, "uploadMode");
    if (mode != "lfs" && mode != "regular")
      return Nonsense(
          fmt::format("wants {} in a way that is not known: {}", Quoted(file.path.text()), Quoted(mode)));
    PreuploadAnswer answer{
        .path = file.path, .is_lfs = mode == "lfs", .is_ignored = BoolMember(*found->second, "shouldIgnore")};
    if (absl::StatusOr<BlobId> existing = BlobId::Parse(StringMember(*found->second, "oid")); existing.ok())
      answer.existing = *std::move(existing);
    answers.push_back(std::move(answer));
  }
  return answers;
}

absl::StatusOr<std::vector<LfsUpload>> DecodeBatch(const std::vector<LfsObject>& objects,
                                                   std::string_view endpoint, std::string_view text) {
  // A URL for each part of each object.
  ASSIGN_OR_RETURN(const json object, ReadObject(text, {.max_values = kMostBatchValues}));
  const std::string transfer = StringMember(object, "transfer");
  if (!transfer.empty() && transfer != "basic" && transfer != "multipart")
    return Nonsense(fmt::format("wants uploads in a way that was not offered: {}", Quoted(transfer)));
  const json& list = Member(object, "objects");
  if (!list.is_array()) return Nonsense("names no place for an upload");
  std::map<std::string, const json*> by_oid;
  for (const json& one : list) by_oid.emplace(StringMember(one, "oid"), &one);
  std::vector<LfsUpload> uploads;
  uploads.reserve(objects.size());
  for (const LfsObject& wanted : objects) {
    const auto found = by_oid.find(wanted.sha256.hex());
    if (found == by_oid.end())
      return Nonsense(fmt::format("says nothing of the object {}", wanted.sha256.hex()));
    if (UnsignedMember(*found->second, "size").value_or(wanted.size_bytes) != wanted.size_bytes)
      return Nonsense(fmt::format("gives the object {} another size", wanted.sha256.hex()));
    LfsUpload upload{.object = wanted};
    if (const json& error = Member(*found->second, "error"); !error.is_null()) {
      upload.refusal = MakeError(
          absl::StatusCode::kInvalidArgument, reason::kHubError,
          fmt::format(
              "the hub does not take the object {}: {}", wanted.sha256.hex(),
              Quoted(Words(error.is_string() ? error.get<std::string>() : StringMember(error, "message")))));
    } else {
      RETURN_IF_ERROR(ReadActions(Member(*found->second, "actions"), endpoint, &upload));
    }
    uploads.push_back(std::move(upload));
  }
  return uploads;
}

absl::StatusOr<CommitResult> DecodeCommit(std::string_view endpoint, std::string_view text) {
  ASSIGN_OR_RETURN(const json object, ReadObject(text, {}));
  absl::StatusOr<CommitId> commit = CommitId::Parse(StringMember(object, "commitOid"));
  if (!commit.ok()) return Nonsense("does not name the commit that it made");
  std::string url = StringMember(object, "commitUrl");
  if (!IsGoodUrl(endpoint, url)) url.clear();
  return CommitResult{.commit = *std::move(commit), .url = std::move(url)};
}

absl::StatusOr<PullRequest> DecodePullRequest(std::string_view page, std::string_view text) {
  ASSIGN_OR_RETURN(const json object, ReadObject(text, {}));
  const std::optional<uint64_t> number = UnsignedMember(object, "num");
  if (!number || *number == 0) return Nonsense("does not name the pull request that it opened");
  ASSIGN_OR_RETURN(Revision branch, Revision::Parse(fmt::format("refs/pr/{}", *number)));
  return PullRequest{
      .number = *number, .branch = std::move(branch), .url = fmt::format("{}/discussions/{}", page, *number)};
}

absl::StatusOr<std::vector<CommitTitle>> DecodeCommits(std::string_view text, size_t limit) {
  std::vector<CommitTitle> commits;
  RETURN_IF_ERROR(ReadRecords(text, {}, [&commits, limit](const json& record) -> absl::Status {
    absl::StatusOr<CommitId> commit = CommitId::Parse(StringMember(record, "id"));
    if (!commit.ok()) return Nonsense("lists something that is no commit");
    if (commits.size() < limit) {
      commits.push_back({.commit = *std::move(commit),
                         .title = Words(StringMember(record, "title"), kMostTitleBytes),
                         .message = Words(StringMember(record, "message"), size_t{64} << 10)});
    }
    return absl::OkStatus();
  }));
  return commits;
}

}  // namespace batuta::hub
